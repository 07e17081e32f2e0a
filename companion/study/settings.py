"""What `params.yaml` says of the study, and nothing else reads."""

from typing import Annotated

from pydantic import Field, StrictInt, model_validator

from companion.data.sections import Count, Name, Number, Section, Seeds
from companion.rows import DataSets, Distinct
from companion.settings import Recording, Speakers, Vectors, Views

Rows = Annotated[list[Name], Field(min_length=1), Distinct]
Rate = Annotated[Number, Field(gt=0)]
# The first one is what the row has while its learning rate is sought.
Values = Annotated[list[Number], Field(min_length=2, max_length=4), Distinct]


class Tuning(Section):
    """The budget that every row is tuned with.

    `seeds`: of runs that no table reports. `rates`: times the set's own. `last`: so many epochs at
    the end have their dev accuracies averaged. `own`: row -> its one option -> what is tried.
    """

    seeds: Seeds
    rates: Annotated[list[Rate], Field(min_length=1, max_length=4), Distinct]
    last: Count
    own: dict[Name, Annotated[dict[Name, Values], Field(min_length=1, max_length=1)]] = {}


class Recordings(Section):
    """The sets that consist of real recordings, in the order of the tables."""

    ravdess: Vectors
    digits: Views
    avmnist: Speakers


class Miniatures(Section):
    """The miniatures of profile `mini` that are trained too, with fewer rows.

    `seeds`, `tuned_on`: as of recordings.
    """

    sets: DataSets
    rows: Rows
    seeds: Count
    tuned_on: Count = 2


class Study(Section):
    """All of it.

    `rows`: of `rows`, in the order of the tables, after the modalities alone. `only`: row -> the
    recordings that have it, where not all of them do.
    """

    workers: Annotated[StrictInt, Field(ge=1, le=1_024)]
    tuning: Tuning
    rows: Rows
    only: dict[Name, list[str]] = {}
    recordings: Recordings
    miniatures: Miniatures

    @model_validator(mode="after")
    def _rows_are_those_of_the_study(self):
        alone = [row for row in self.miniatures.rows if row not in self.rows]
        strange = [row for row in {**self.tuning.own, **self.only} if row not in self.rows]
        if wrong := [*alone, *strange]:
            raise ValueError(f"{', '.join(wrong)} is not one of the study's rows")
        known = list(Recordings.model_fields)
        if unknown := [name for names in self.only.values() for name in names if name not in known]:
            raise ValueError(f"only: no recordings {', '.join(unknown)}; {', '.join(known)}")
        if high := [seed for seed in self.tuning.seeds if seed < self.most_seeds]:
            raise ValueError(f"tuning.seeds: {high} are seeds that tables report")
        if max(own.tuned_on for own in self.sets) > len(self.tuning.seeds):
            raise ValueError("tuned_on is more than tuning.seeds has")
        return self

    @property
    def most_seeds(self) -> int:
        """The greatest number of seeds that a set has."""
        return max(own.seeds for own in self.sets)

    @property
    def sets(self) -> list[Recording | Miniatures]:
        """What is set for each of the recordings, and for the miniatures together."""
        return [*(own for _, own in self.recordings), self.miniatures]
