"""Styles of training files, taken only from the data sets' own labels."""

# Artists of the rock files → style of their songs.
ARTIST_STYLES = {
    **dict.fromkeys(("Beatles", "Who", "Doors", "Eagles", "MoodyBlues", "Journey", "Boston", "BillyJoel"), "classic"),
    **dict.fromkeys(("BobDylan", "BlueOysterCult"), "classic"),
    **dict.fromkeys(("Cream", "ZZTop", "BlackKeys", "LynyrdSkynyrd"), "blues"),
    **dict.fromkeys(("LedZeppelin", "GunsNRoses", "VanHalen", "Ratt", "BlackSabbath", "Megadeth", "Slipknot"), "metal"),
    **dict.fromkeys(("Ramones", "Offspring", "RiseAgainst", "MyChemicalRomance", "NoDoubt", "Paramore"), "punk"),
    **dict.fromkeys(("Nirvana", "PearlJam", "AliceInChains", "Soundgarden", "FooFighters", "Incubus"), "alternative"),
    **dict.fromkeys(("RedHotChiliPepper", "RageAgainstTheMachine", "QueensOfTheStoneAge"), "alternative"),
    **dict.fromkeys(("Oasis", "FranzFerdinand", "Strokes", "Fray"), "indie"),
}
_FIRST_WORDS = {"edm": "club", "synth": "synth"}


def style_of(tag: str) -> str:
    """The style in a file's `tag` in index.tsv, or "".

    >>> style_of("funk/fast beat 4-4 95bpm train"), style_of("artist Ramones"), style_of("edm named")
    ('funk', 'punk', 'club')
    """
    words = tag.split()
    if not words:
        return ""
    if words[0] == "artist":
        return ARTIST_STYLES.get(words[1], "") if len(words) > 1 else ""
    if words[0] in _FIRST_WORDS:
        return _FIRST_WORDS[words[0]]
    return words[0].partition("/")[0] if "beat" in words or "fill" in words else ""
