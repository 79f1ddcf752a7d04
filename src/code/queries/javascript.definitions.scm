(function_declaration name: (_) @name body: (_) @body) @function
(generator_function_declaration name: (_) @name body: (_) @body) @function
(class_declaration name: (_) @name (class_heritage)? @super body: (_) @body) @type
(method_definition name: (_) @name body: (_) @body) @function
(lexical_declaration (variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body))) @function
(lexical_declaration (variable_declarator name: (identifier) @name value: (function_expression body: (_) @body))) @function
(variable_declaration (variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body))) @function
(variable_declaration (variable_declarator name: (identifier) @name value: (function_expression body: (_) @body))) @function
; `const useX = memo(() => …)`
(program (lexical_declaration (variable_declarator name: (identifier) @name value: (call_expression arguments: (arguments . (arrow_function body: (_) @body))))) @function)
(program (export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name value: (call_expression arguments: (arguments . (arrow_function body: (_) @body))))) @function))
(assignment_expression left: (member_expression property: (property_identifier) @name) right: (arrow_function body: (_) @body)) @function
(assignment_expression left: (member_expression property: (property_identifier) @name) right: (function_expression body: (_) @body)) @function
(pair key: (property_identifier) @name value: (arrow_function body: (_) @body)) @function
(pair key: (property_identifier) @name value: (function_expression body: (_) @body)) @function
(program (lexical_declaration (variable_declarator name: (identifier) @name)) @constant)
(program (export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name)) @constant))
((call_expression function: [(identifier) @_f (member_expression object: (identifier) @_f)]
  arguments: (arguments . [(string) (template_string)] @name)) @test
  (#any-of? @_f "it" "test" "specify"))
((call_expression function: [(identifier) @_f (member_expression object: (identifier) @_f)]
  arguments: (arguments . [(string) (template_string)] @name)) @group
  (#any-of? @_f "describe" "context" "suite"))
