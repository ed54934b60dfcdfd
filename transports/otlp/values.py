"""OTLP's values, resources and scopes as the span store's types.

The arguments are protobuf messages. They are typed ``Any`` because attribute access through the generated types costs
mypy nothing and the reader much: the field names are those of the OTLP specification.
"""

from typing import Any

from actors.span_store.columns.spans import AttributeValue, InstrumentationScope, Resource

# Members of AnyValue whose Python form is the value itself.
_PLAIN = frozenset(("string_value", "bool_value", "int_value", "double_value", "bytes_value"))


def resource_of(resource: Any, schema_url: str) -> Resource:  # noqa: ANN401 - see above
    entities = [
        {
            "schemaUrl": entity.schema_url,
            "type": entity.type,
            "idKeys": list(entity.id_keys),
            "descriptionKeys": list(entity.description_keys),
        }
        for entity in resource.entity_refs
    ]
    return Resource(attributes_of(resource.attributes), resource.dropped_attributes_count, schema_url, entities)


def scope_of(scope: Any, schema_url: str) -> InstrumentationScope:  # noqa: ANN401 - see above
    return InstrumentationScope(
        scope.name,
        scope.version,
        attributes_of(scope.attributes),
        scope.dropped_attributes_count,
        schema_url,
    )


def attributes_of(pairs: Any) -> dict[str, AttributeValue]:  # noqa: ANN401 - see above
    """Key-value pairs as a dictionary; an attribute without a value is left out."""
    attributes: dict[str, AttributeValue] = {}
    for pair in pairs:
        value = pair.value
        member = value.WhichOneof("value")
        if member in _PLAIN:
            attributes[pair.key] = getattr(value, member)
        elif member is not None:
            attributes[pair.key] = nested_value(value, member)
    return attributes


def nested_value(value: Any, member: str | None) -> AttributeValue:  # noqa: ANN401 - see above
    """An AnyValue inside another: an unset one is ``None``, because its place in an array counts."""
    if member is None:
        return None
    if member == "array_value":
        return [nested_value(item, item.WhichOneof("value")) for item in value.array_value.values]
    if member == "kvlist_value":
        return {
            pair.key: nested_value(pair.value, pair.value.WhichOneof("value")) for pair in value.kvlist_value.values
        }
    plain: AttributeValue = getattr(value, member)
    return plain
