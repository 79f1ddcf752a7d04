(call_expression function: (identifier) @name)
(call_expression function: (selector_expression operand: (_) @receiver field: (field_identifier) @name))
(call_expression function: (parenthesized_expression (identifier) @name))
(composite_literal type: (type_identifier) @name)
(composite_literal type: (qualified_type package: (_) @receiver name: (type_identifier) @name))
(composite_literal type: (generic_type type: (type_identifier) @name))
; `Map[int](x)` reads as a conversion.
(type_conversion_expression type: (generic_type type: (type_identifier) @name))
(type_conversion_expression type: (generic_type type: (qualified_type package: (_) @receiver name: (type_identifier) @name)))
