"""What a newcomer reads first is short: sentences of about 20 words, few long ones, one parenthesis at most in each."""

import prose
import pytest

WORDS, SHARE_LONG = 20, 0.10


@pytest.mark.parametrize("path", prose.documents(), ids=lambda path: str(path.relative_to(prose.ROOT)))
def test_the_first_screen_is_short(path):
    seen = prose.seen_first(path)
    assert seen.words_a_sentence <= WORDS
    assert seen.share_long <= SHARE_LONG, seen.long_ones
    assert not seen.crowded
