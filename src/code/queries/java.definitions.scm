(class_declaration name: (_) @name superclass: (_)? @super interfaces: (_)? @super body: (_) @body) @type
(record_declaration name: (_) @name interfaces: (_)? @super body: (_) @body) @type
(enum_declaration name: (_) @name interfaces: (_)? @super body: (_) @body) @type
(interface_declaration name: (_) @name (extends_interfaces)? @super body: (_) @body) @interface
(annotation_type_declaration name: (_) @name body: (_) @body) @interface
(method_declaration name: (_) @name body: (_)? @body) @function
(constructor_declaration name: (_) @name body: (_) @body) @function
(compact_constructor_declaration name: (_) @name body: (_) @body) @function
