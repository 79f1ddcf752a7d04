(function_declaration name: (_) @name body: (_)? @body) @function
(method_declaration receiver: (_) @receiver name: (_) @name body: (_)? @body) @function
(method_elem name: (_) @name) @function
(type_spec name: (_) @name type: (interface_type)) @interface
(type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)) @type
(type_spec name: (_) @name) @type
(type_alias name: (_) @name) @type
(source_file (const_declaration (const_spec name: (_) @name) @constant))
(source_file (var_declaration (var_spec name: (_) @name) @constant))
(source_file (var_declaration (var_spec_list (var_spec name: (_) @name) @constant)))
