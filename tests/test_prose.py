"""What a newcomer reads first is short: sentences of about 20 words, few long ones, one parenthesis at most in each."""

import prose
import pytest

WORDS, SHARE_LONG = 20, 0.10
# documents that are to be rewritten, from docs on; an entry goes when its document is short
TO_DO = set()
DOCS = prose.ROOT / "docs"


@pytest.mark.parametrize("path", prose.documents(), ids=lambda path: str(path.relative_to(prose.ROOT)))
def test_the_first_screen_is_short(path):
    seen = prose.seen_first(path)
    if DOCS in path.parents and path.relative_to(DOCS).as_posix() in TO_DO:
        pytest.skip("to be rewritten")
    assert seen.words_a_sentence <= WORDS
    assert seen.share_long <= SHARE_LONG, seen.long_ones
    assert not seen.crowded


def test_what_is_to_be_done_is_there():
    assert [name for name in TO_DO if not (DOCS / name).is_file()] == []
