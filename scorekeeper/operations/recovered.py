"""What a recovery came to."""

from dataclasses import dataclass, field

BATCH = 2_000


@dataclass
class Recovered:
    """What a recovery did: files and decisions taken in, exits brought back, and what it had to guess or leave.

    `from_dataset`: decisions that no file holds. `guessed`: decisions whose time of arrival no line tells. `rejected`:
    decisions of files that are refused, as they were then. `refused`: sentences about what else could not be taken in.
    `set_aside`: what the publication had to set aside.
    """

    files: int = 0
    decisions: int = 0
    from_dataset: int = 0
    exits: int = 0
    guessed: int = 0
    rejected: int = 0
    refused: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
