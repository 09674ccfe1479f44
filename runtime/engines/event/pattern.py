"""Pattern: the topics that a subscriber wants, as AMQP's topic exchanges have them."""

from __future__ import annotations

from functools import cached_property

LONGEST = 255
"""Characters of a topic, as of an AMQP routing key."""


class InvalidTopic(ValueError):
    """A text is no topic, or no pattern of topics. The text says why."""


class Pattern:
    """A pattern such as `order.*` or `order.#`: `*` is one word, `#` any number of them, even none.

    Raises InvalidTopic for a text that can match nothing, or not what it looks like.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._words = _words(text, "pattern")
        for word in self._words:
            if word not in ("*", "#") and ("*" in word or "#" in word):
                meant = "; write '#' for any number of words" if word == "**" else ""
                raise InvalidTopic(
                    f"'{word}' stands for itself: '*' and '#' are whole words{meant}"
                )

    def __str__(self) -> str:
        return self.text

    @cached_property
    def is_literal(self) -> bool:
        """True if it is the topic that it matches."""
        return "*" not in self._words and "#" not in self._words

    def matches(self, topic: str) -> bool:
        """True if it matches a whole topic."""
        # The ends of the words of the topic up to which the pattern so far may reach.
        words = topic.split(".")
        reached = {0}
        for each in self._words:
            if each == "#":
                reached = {*range(min(reached), len(words) + 1)}
            else:
                reached = {
                    end + 1 for end in reached if end < len(words) and each in ("*", words[end])
                }
            if not reached:
                return False
        return len(words) in reached


def check_topic(topic: str) -> str:
    """The topic itself. Raises TypeError if it is no text, and InvalidTopic."""
    if not isinstance(topic, str):
        raise TypeError(f"a topic is a text such as 'order.paid', not {type(topic).__name__}")
    _words(topic, "topic")
    if "*" in topic or "#" in topic:
        raise InvalidTopic(f"'{topic}' is a pattern; an event is published to one topic")
    return topic


def _words(text: str, what: str) -> list[str]:
    words = text.split(".")
    if not all(words):
        raise InvalidTopic(f"the {what} '{text}' has an empty word; write words with dots between")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise InvalidTopic(f"the {what} {text!r} has white space or control characters in it")
    if len(text) > LONGEST:
        raise InvalidTopic(f"the {what} has {len(text)} characters, and may have {LONGEST}")
    return words
