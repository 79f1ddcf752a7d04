(method name: (_) @name body: (_)? @body) @function
(singleton_method name: (_) @name body: (_)? @body) @function
(class name: (_) @name superclass: (_)? @super body: (_)? @body) @type
(module name: (_) @name body: (_)? @body) @module
(assignment left: (constant) @name) @constant
((call method: (identifier) @_f arguments: (argument_list . (string) @name) block: (_)) @test
  (#any-of? @_f "it" "specify" "test"))
((call method: (identifier) @_f arguments: (argument_list . (_) @name) block: (_)) @group
  (#any-of? @_f "describe" "context"))
