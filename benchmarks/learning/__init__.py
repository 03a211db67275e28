"""Does what is learned hold what it promises? Against simulated universes whose truth is known.

universe.py draws markets and agents. The other modules run the product's own functions over them.
"""
