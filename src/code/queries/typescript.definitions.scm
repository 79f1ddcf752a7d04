(abstract_class_declaration name: (_) @name (class_heritage)? @super body: (_) @body) @type
(interface_declaration name: (_) @name (extends_type_clause)? @super body: (_) @body) @interface
(type_alias_declaration name: (_) @name) @type
(enum_declaration name: (_) @name body: (_) @body) @type
(method_signature name: (_) @name) @function
(abstract_method_signature name: (_) @name) @function
(function_signature name: (_) @name) @function
(public_field_definition name: (_) @name value: (arrow_function body: (_) @body)) @function
(internal_module name: (_) @name body: (_) @body) @module
