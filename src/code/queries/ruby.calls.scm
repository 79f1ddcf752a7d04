(call receiver: (_)? @receiver method: (_) @name)
