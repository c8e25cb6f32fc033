"""HTML as a parser meets it: its tokens, and the tree they would make, without making it.

Length bounds nothing: 50 KB can become millions of elements, because a parser opens formatting that
was never closed anew in every block, or elements thousands deep. So the steps that a parser would take
are taken here with names alone, and given up where its tree would pass a bound. What is accepted is
what a parser makes: `tests/sanitizing/test_markup.py` compares the two. No parser and no Django here.
"""
