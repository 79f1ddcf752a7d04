(function_definition name: (_) @name body: (_) @body) @function
(method_declaration name: (_) @name body: (_)? @body) @function
(class_declaration name: (_) @name (base_clause)? @super (class_interface_clause)? @super body: (_) @body) @type
(interface_declaration name: (_) @name (base_clause)? @super body: (_) @body) @interface
(trait_declaration name: (_) @name body: (_) @body) @type
(enum_declaration name: (_) @name (class_interface_clause)? @super body: (_) @body) @type
(const_declaration (const_element (name) @name)) @constant
