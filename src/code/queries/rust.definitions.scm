(function_item name: (_) @name body: (_) @body) @function
(function_signature_item name: (_) @name) @function
(macro_definition name: (_) @name) @function
(struct_item name: (_) @name body: (_)? @body) @type
(enum_item name: (_) @name body: (_) @body) @type
(union_item name: (_) @name body: (_) @body) @type
(type_item name: (_) @name) @type
(trait_item name: (_) @name bounds: (_)? @super body: (_) @body) @interface
(impl_item trait: (_)? @super type: (_) @name body: (_) @body) @impl
(mod_item name: (_) @name body: (_) @body) @module
(source_file (const_item name: (_) @name) @constant)
(source_file (static_item name: (_) @name) @constant)
(declaration_list (const_item name: (_) @name) @constant)
