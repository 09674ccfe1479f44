"""Patterns of topics, against a matcher of another make."""

from __future__ import annotations

import re
from itertools import product

import pytest

from runtime.engines.event.pattern import InvalidTopic, Pattern, check_topic


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("order.paid", ["order.paid"], ["order", "order.paid.late", "order.Paid", "orderxpaid"]),
        ("order.*", ["order.paid"], ["order", "order.paid.late", "user.paid"]),
        ("*.paid", ["order.paid"], ["paid", "a.b.paid"]),
        ("order.#", ["order", "order.paid", "order.paid.late"], ["orders", "user.order"]),
        ("#", ["order", "order.paid"], []),
        ("#.late", ["late", "order.late", "a.b.late"], ["late.order"]),
        ("a.#.c", ["a.c", "a.b.c", "a.b.b.c"], ["a", "a.b", "a.c.d"]),
        ("*.*", ["a.b"], ["a", "a.b.c"]),
    ],
)
def test_a_star_is_one_word_and_a_hash_any_number(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    assert [each for each in matching + others if Pattern(pattern).matches(each)] == matching


def test_all_short_patterns_match_what_an_expression_of_their_meaning_does() -> None:
    topics = [".".join(words) for n in range(1, 5) for words in product("ab", repeat=n)]
    for n in range(1, 5):
        for words in product(("a", "b", "*", "#"), repeat=n):
            # each word with the dot after it, so that none is a special case
            parts = {"*": r"[^.]+\.", "#": r"([^.]+\.)*"}
            meaning = re.compile("".join(parts.get(word, rf"{word}\.") for word in words))
            pattern = Pattern(".".join(words))
            for topic in topics:
                assert pattern.matches(topic) == bool(meaning.fullmatch(f"{topic}."))


def test_a_pattern_of_many_hashes_is_matched_at_once() -> None:
    assert not Pattern(".".join(["#", "a"] * 60)).matches(".".join(["a"] * 59))
    assert Pattern(".".join(["#", "a"] * 60)).matches(".".join(["a"] * 100))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("order.", "has an empty word"),
        (".order", "has an empty word"),
        ("a..b", "has an empty word"),
        ("", "has an empty word"),
        ("order.pai*", "'pai\\*' stands for itself: '\\*' and '#' are whole words$"),
        ("order.**", "write '#' for any number of words"),
        ("order paid", "white space"),
        ("a" * 256, "has 256 characters, and may have 255"),
    ],
)
def test_a_pattern_that_means_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidTopic, match=message):
        Pattern(text)


def test_an_event_has_one_topic() -> None:
    assert check_topic("order.paid") == "order.paid"
    with pytest.raises(InvalidTopic, match=r"'order\.\*' is a pattern"):
        check_topic("order.*")
    with pytest.raises(TypeError, match="not int"):
        check_topic(7)  # type: ignore[arg-type]
