(function_definition name: (_) @name body: (_) @body) @function
(decorated_definition definition: (function_definition name: (_) @name body: (_) @body)) @function
(class_definition name: (_) @name superclasses: (_)? @super body: (_) @body) @type
(decorated_definition definition: (class_definition name: (_) @name body: (_) @body)) @type
(module (expression_statement (assignment left: (identifier) @name)) @constant)
