"""The OpenAPI document, written so that the usual generators of clients make clients that work.

Litestar writes a field that may be null as a choice of two schemas, and one that may be left out as a choice
of one; generators make a class of each choice, or nothing at all.
"""

from dataclasses import fields
from inspect import cleandoc
from typing import Any

from litestar import Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import YamlRenderPlugin
from litestar.openapi.spec import Components, Contact, License, OpenAPI, Schema, SecurityScheme, Server, Tag
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition
from msgspec import Struct

from shared.config import Settings
from shared.version import VERSION
from webapp.auth import DOCS_PATH
from webapp.controllers.api.viewer import JsonBesideViewer, viewer
from webapp.service_keys import SCHEME

NULL = {"type": "null"}

ABOUT = """
Sends e-mails to therapists and plans phone calls into their phone hours, follows up where no answer comes,
and tells how they fare. What happens is told on Kafka, too, see `docs/reference/asyncapi.yaml`.

Every request carries an API key: `Authorization: Bearer <key>`. Each operation names the scopes that open
it, and a key needs one of them: `emails` and `calls` read and write what they name, `read` reads everything.
With a key that has a limit, each answer says in `RateLimit-` headers how many requests are left this minute.

What is refused changes nothing and is answered with problem details (RFC 9457) that name the fields. Unknown
fields and parameters are refused.

Dates and times of calls are the practice's wall clock; instants are UTC.
"""
KEY = SecurityScheme(
    type="http",
    scheme="bearer",
    description=(
        "A key that an administrator makes on *System*, or an operator with `calldesk api-key create`. "
        "Each operation names the scopes of which it needs one."
    ),
)

TAGS = (
    Tag("E-mails", "Queue e-mails, read how they fare, record answers."),
    Tag("E-mail templates", "The mails this service can write by itself."),
    Tag("Phone calls", "Plan calls, record their outcomes."),
    Tag("Stop list", "Addresses nobody writes to."),
    Tag("Therapists", "When a therapist can be called."),
    Tag("Operation", "For load balancers and supervisors; open to all."),
)


class PlainDocument(OpenAPI):
    """The document as `plain` writes it."""

    def to_schema(self) -> dict[str, Any]:
        """Return the document."""
        document = plain(super().to_schema())
        for item in document["paths"].values():
            for operation in item.values():
                _tell_scopes(operation)
        return document


class PlainConfig(OpenAPIConfig):
    """Describes the JSON API in a `PlainDocument`."""

    def to_openapi_schema(self) -> OpenAPI:
        """Return the document without its paths."""
        document = super().to_openapi_schema()
        return PlainDocument(**{field.name: getattr(document, field.name) for field in fields(document)})


class DescribedStructs(OpenAPISchemaPlugin):
    """Says what a struct is, and whether it may hold nothing but the fields it names."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Whether a type is a struct."""
        return not field_definition.is_union and field_definition.is_subclass_of(Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Return the schema as without this plugin, described, and closed where the struct is."""
        others = [plugin for plugin in schema_creator.plugins if plugin is not self]
        plugin = next(o for o in others if schema_creator.plugin_supports_field(o, field_definition))
        schema: Schema = plugin.to_openapi_schema(field_definition, schema_creator)
        struct = field_definition.annotation
        schema.description = cleandoc(struct.__doc__) if struct.__doc__ else None
        if struct.__struct_config__.forbid_unknown_fields:
            schema.additional_properties = False
        return schema


def openapi_config(config: Settings) -> OpenAPIConfig:
    """Return where the document is served, and what it says of the API as a whole."""
    return PlainConfig(
        title="Communication service",
        version=VERSION,
        description=cleandoc(ABOUT),
        contact=Contact(name=config.email_sender_name, email=config.email_sender),
        license=License(name="MIT", identifier="MIT"),
        use_handler_docstrings=True,
        openapi_router=Router(DOCS_PATH, route_handlers=[viewer], include_in_schema=False),
        render_plugins=[JsonBesideViewer(), YamlRenderPlugin()],
        servers=[Server(url=config.root_path or "/")],
        tags=list(TAGS),
        security=[{SCHEME: []}],
        components=Components(security_schemes={SCHEME: KEY}),
    )


def plain(node: Any) -> Any:
    """Return a part of the document with a type where a choice of one was, and whole numbers as such.

    One of some texts, or null, is the one choice that stays: only so the texts become one type of a client.
    """
    if isinstance(node, list):
        return [plain(entry) for entry in node]
    if isinstance(node, float) and node.is_integer():
        return int(node)
    if not isinstance(node, dict):
        return node
    written = {name: plain(value) for name, value in node.items()}
    if isinstance(written.get("oneOf"), list):
        written = _without_choice(written)
    if written.get("in") in ("query", "header"):
        written["schema"] = _never_null(written["schema"])
    if None in written.get("enum", ()):
        texts = {"type": "string", "enum": [text for text in written.pop("enum") if text is not None]}
        written = {"oneOf": [texts, NULL], **{name: written[name] for name in written if name != "type"}}
    return written


def _tell_scopes(operation: dict[str, Any]) -> None:
    """Say in words and in `x-scopes` which scope a key needs: in `security` only OAuth may name it."""
    scopes = [scope for one in operation.get("security", ()) for scope in one.get(SCHEME, ())]
    if not scopes:
        return
    operation["security"] = [{SCHEME: []}]
    operation["x-scopes"] = scopes
    named = " or ".join(f"`{scope}`" for scope in scopes)
    operation["description"] += f"\n\nThe key needs the scope {named}."


def _without_choice(schema: dict[str, Any]) -> dict[str, Any]:
    chosen = [choice for choice in schema["oneOf"] if choice != NULL]
    nullable = len(chosen) < len(schema["oneOf"])
    if len(chosen) != 1 or (nullable and not isinstance(chosen[0].get("type"), str)):
        return schema
    [only] = chosen
    rest = {name: value for name, value in schema.items() if name != "oneOf"}
    if nullable:
        return {**only, **rest, "type": [only["type"], "null"]}
    return {"allOf": [only], **rest} if rest and "$ref" in only else {**only, **rest}


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter: one that is left out is not null, and nothing can be sent as null."""
    if NULL in schema.get("oneOf", ()):
        return _without_choice({**schema, "oneOf": [one for one in schema["oneOf"] if one != NULL]})
    if isinstance(schema.get("type"), list):
        kinds = [kind for kind in schema["type"] if kind != "null"]
        return {**schema, "type": kinds[0] if len(kinds) == 1 else kinds}
    return schema
