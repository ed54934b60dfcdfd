"""What the demonstration agents are asked, which tools they call, what they answer: data with ``$facts`` to fill in."""

from collections.abc import Sequence

import attrs


@attrs.frozen(kw_only=True)
class Model:
    """A model of a provider whose prices are known, and how fast it is."""

    provider: str
    name: str
    version: str
    server: str
    first_token: int  # milliseconds
    per_second: int  # output tokens
    reasons: bool = False


@attrs.frozen
class ToolUse:
    """A call of a tool, with its arguments and its result as JSON text."""

    tool: str
    arguments: str
    result: str


@attrs.frozen
class Turn:
    """A question, the tools that are called for it at the same time, and the answer."""

    question: str
    tools: Sequence[ToolUse]
    answer: str


@attrs.frozen(kw_only=True)
class Agent:
    """A service with an agent: one model plans, one answers; a talk has several turns."""

    service: str
    name: str
    instructions: str
    planner: Model
    writer: Model
    talks: Sequence[Sequence[Turn]]
    sessions: int  # how many in a day


GPT = Model(
    provider="openai",
    name="gpt-5-mini",
    version="gpt-5-mini-2025-08-07",
    server="api.openai.com",
    first_token=310,
    per_second=140,
    reasons=True,
)
GPT_SMALL = Model(
    provider="openai",
    name="gpt-4.1-mini",
    version="gpt-4.1-mini-2025-04-14",
    server="api.openai.com",
    first_token=240,
    per_second=160,
)
CLAUDE = Model(
    provider="anthropic",
    name="claude-sonnet-4-5",
    version="claude-sonnet-4-5-20250929",
    server="api.anthropic.com",
    first_token=620,
    per_second=90,
    reasons=True,
)
GEMINI = Model(
    provider="gcp.gemini",
    name="gemini-2.5-flash",
    version="gemini-2.5-flash",
    server="generativelanguage.googleapis.com",
    first_token=280,
    per_second=210,
    reasons=True,
)

_FIND = Turn(
    "I am looking for $product, for $price euros at most.",
    (
        ToolUse(
            "search_products",
            '{"query": "$product", "max_price": $price}',
            '[{"sku": "SKU-$order", "name": "$product", "price": $price, "in_stock": 7}]',
        ),
    ),
    "We have $product for $price euros, and seven of them are in stock. Shall I put one into your basket?",
)
_BUY = Turn(
    "Yes please, one of them.",
    (ToolUse("add_to_basket", '{"sku": "SKU-$order", "quantity": 1}', '{"items": 1, "total": $price}'),),
    "Done: your basket has $product, $price euros altogether. Shipping is free.",
)
_SHIPPING = Turn(
    "When will it arrive in $city?",
    (
        ToolUse(
            "quote_shipping", '{"city": "$city", "sku": "SKU-$order"}', '{"carrier": "parcel", "days": 3, "price": 0}'
        ),
    ),
    "In $city it takes three days; ordered today, it is there on Friday at the latest.",
)
_TOPIC = Turn(
    "What has been found out about $topic in the last two years?",
    (
        ToolUse(
            "search_papers",
            '{"query": "$topic", "since": 2024}',
            '[{"id": "paper-$order", "title": "A survey of $topic"}, {"id": "paper-17", "title": "$topic, again"}]',
        ),
        ToolUse("search_web", '{"query": "$topic news"}', '[{"title": "Progress with $topic", "rank": 1}]'),
    ),
    "Two papers matter most: a survey of $topic, which compares forty studies, and a repetition that found the effect "
    "to be smaller than first said. The news reports of the survey leave the second out.",
)
_SOURCE = Turn(
    "Read the survey and tell me what it is based on.",
    (
        ToolUse(
            "read_paper",
            '{"id": "paper-$order", "section": "methods"}',
            '{"pages": 31, "studies": 40, "excerpt": "We include studies of $topic with a control group."}',
        ),
    ),
    "On forty studies of $topic, all with a control group. Eleven of them are by the same laboratory, which the "
    "authors name as the weakest point.",
)
_WHERE = Turn(
    "Where is my order $order?",
    (
        ToolUse(
            "lookup_order",
            '{"order_id": "$order"}',
            '{"order_id": "$order", "status": "in_transit", "held_at": "$city"}',
        ),
    ),
    "Your order $order is on its way and was last seen in $city. It should be with you within two days.",
)
_RETURN = Turn(
    "I do not want it any more. Can I send it back?",
    (
        ToolUse("lookup_policy", '{"topic": "returns"}', '{"days": 30, "fee": 0}'),
        ToolUse("make_label", '{"order_id": "$order"}', '{"label": "R-$order", "carrier": "parcel"}'),
    ),
    "Yes, for thirty days and for free. The label R-$order is in your mailbox; put it on the parcel.",
)
SHOP = Agent(
    service="demo-shop-assistant",
    name="shop-assistant",
    instructions="You help customers of a shop to find and to buy. Say prices in euros, and only from the tools.",
    planner=GPT_SMALL,
    writer=GPT,
    talks=((_FIND, _BUY, _SHIPPING), (_FIND, _SHIPPING), (_FIND, _SHIPPING, _BUY, _RETURN)),
    sessions=44,
)
RESEARCH = Agent(
    service="demo-research-agent",
    name="research-agent",
    instructions="You look for what is known about a topic. Name your sources, and what speaks against them.",
    planner=GEMINI,
    writer=CLAUDE,
    talks=((_TOPIC, _SOURCE), (_TOPIC,)),
    sessions=26,
)
SUPPORT = Agent(
    service="demo-support-agent",
    name="support-agent",
    instructions="You are the support agent of a shop. Use the tools; never guess.",
    planner=GPT,
    writer=CLAUDE,
    talks=((_WHERE, _RETURN), (_WHERE,)),
    sessions=20,
)
FACTS = {
    "product": ("a rain jacket", "a camping stove", "hiking boots", "a head torch", "a sleeping bag", "a tent for two"),
    "city": ("Lisbon", "Hamburg", "Lyon", "Graz", "Gdansk", "Bologna"),
    "topic": (
        "sleep and memory",
        "solid state batteries",
        "coral reefs in warm water",
        "spaced learning",
        "soil fungi",
    ),
}
