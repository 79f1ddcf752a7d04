(call function: (identifier) @name)
(call function: (attribute object: (_) @receiver attribute: (identifier) @name))
(decorator (identifier) @name)
(decorator (attribute object: (_) @receiver attribute: (identifier) @name))
