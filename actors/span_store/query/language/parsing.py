"""Reads the text of a filter into its tree. The text is bounded, and so is how deep it nests."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput, UnexpectedToken

from actors.span_store.query.expression import MOST_DEPTH
from actors.span_store.query.language.faults import FilterFault
from actors.span_store.query.language.tree import (
    Compared,
    Each,
    Either,
    Grouped,
    Has,
    Literal,
    Name,
    Negated,
    Tree,
    Within,
    Words,
)

MOST_CHARACTERS = 4096  # encoded, they fit into a request line
_ESCAPED = re.compile(r"\\([\s\S])")
_QUOTED_KEY = re.compile(r'([^"]*)"([\s\S]*)"')
# A field whose colon has nothing behind it, and what the grammar expects, in words.
_EMPTY_FIELD = re.compile(r'[^\s()":\-][^\s()":]*:(?=\s|\Z)')
_UNQUOTED = re.compile(r'[^\s()":\-][^\s()"]*[("]')
_EXPECTED = (
    ({"VALUE"}, "a value"),
    ({"BOUND"}, "a bound"),
    ({"NAME"}, "the name of a field"),
    ({"_TO"}, "TO"),
    ({"_HIGH"}, '"]"'),
    ({"OPERATOR"}, '":" and a value'),
    ({"WORD"}, "a condition"),
    ({"_CLOSE"}, '")"'),
    ({"$END"}, "the end"),
)


def tree_of(text: str) -> Tree:
    """Parse a filter. ``FilterFault`` for what is none, or has more than 4,096 characters or 64 levels."""
    if len(text) > MOST_CHARACTERS:
        raise FilterFault("query_syntax", MOST_CHARACTERS + 1, f"a filter has at most {MOST_CHARACTERS} characters")
    try:
        tree: Any = _parser().parse(text)
    except UnexpectedInput as fault:
        _refuse(text, fault)
    _demand_depth(tree)
    return tree  # type: ignore[no-any-return] # what the transformer makes is a tree


@cache
def _parser() -> Lark:
    grammar = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=_Trees(), maybe_placeholders=False)


class _Trees(Transformer[Token, Tree]):
    """Makes nodes while it is parsed, the innermost first: nothing calls itself for each level."""

    def everything(self, _: list[Any]) -> Tree:
        return Each()

    def either(self, members: list[Any]) -> Tree:
        return Either(tuple(members))

    def each(self, members: list[Any]) -> Tree:
        return Each(tuple(members))

    def negated(self, members: list[Any]) -> Tree:
        return Negated(members[0])

    def grouped(self, members: list[Any]) -> Tree:
        return Grouped(members[0])

    def word(self, tokens: list[Any]) -> Tree:
        return Words(_literal(tokens[0]))

    def phrase(self, tokens: list[Any]) -> Tree:
        return Words(_literal(tokens[0]))

    def has(self, tokens: list[Any]) -> Tree:
        return Has(_name(tokens[0]))

    def compared(self, tokens: list[Any]) -> Tree:
        field, operator, value = tokens
        return Compared(_name(field), str(operator), _literal(value))

    def within(self, tokens: list[Any]) -> Tree:
        field, operator, low, high = tokens
        if operator != ":":
            raise FilterFault("query_syntax", _column(operator), 'a range stands behind ":" alone')
        return Within(_name(field), _literal(low), _literal(high))


def _column(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _name(token: Token) -> Name:
    quoted = _QUOTED_KEY.fullmatch(token)
    text = str(token) if quoted is None else quoted[1] + _unescaped(quoted[2])
    return Name(text=text, column=_column(token))


def _literal(token: Token) -> Literal:
    if token.type != "QUOTED":
        return Literal(text=str(token), column=_column(token))
    return Literal(text=_unescaped(token[1:-1]), column=_column(token), is_quoted=True)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _refuse(text: str, fault: UnexpectedInput) -> NoReturn:
    token = fault.token if isinstance(fault, UnexpectedToken) else None
    at_end = token is not None and token.type == "$END"
    place: int | None = getattr(fault, "pos_in_stream", None)  # whose type in the library is None alone
    begin = len(text) if at_end else place or 0
    empty = _EMPTY_FIELD.match(text, begin)
    if empty is not None:
        raise FilterFault("query_syntax", empty.end() + 1, "expected a value right behind the colon") from None
    found = "the end" if at_end else f'"{text[begin : begin + 20]}"'
    message = f"expected {' or '.join(_expected(fault))}, found {found}"
    if _UNQUOTED.match(text, begin):
        message = "what has a parenthesis, a quote or a colon in it stands in quotes"
    elif text[begin : begin + 1] == '"' and text.count('"', begin) == 1:
        message = "the quote has no end"
    raise FilterFault("query_syntax", begin + 1, message) from None


def _expected(fault: UnexpectedInput) -> Iterator[str]:
    exact = fault.accepts if isinstance(fault, UnexpectedToken) else getattr(fault, "allowed", None)
    accepted = exact or getattr(fault, "expected", None) or set()
    found = [words for terminals, words in _EXPECTED if terminals & accepted]
    yield from found or ["a condition"]


def _demand_depth(tree: Tree) -> None:
    """Looked at level by level, whatever is nested in what."""
    level: list[Tree] = [tree]
    for _ in range(MOST_DEPTH):
        level = [member for node in level for member in members_of(node)]
        if not level:
            return
    raise FilterFault("query_syntax", 1, f"a filter has at most {MOST_DEPTH} levels")


def members_of(node: Tree) -> tuple[Tree, ...]:
    """The nodes right inside of one."""
    match node:
        case Each(members) | Either(members):
            return members
        case Negated(member) | Grouped(member):
            return (member,)
        case _:
            return ()
