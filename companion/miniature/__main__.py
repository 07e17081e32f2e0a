"""Make a miniature release: `python -m companion.miniature RELEASE OUT`."""

import argparse
import sys
from pathlib import Path

from companion import kernel

if __name__ == "__main__":
    # Before the rest is loaded, which takes seconds, as it starts the program anew.
    kernel.restart()

from companion import params  # noqa: E402
from companion.data import sections  # noqa: E402
from companion.registry import DATASETS  # noqa: E402


def main(arguments: list[str] | None = None) -> None:
    """Make the miniature that the arguments ask for, or say in one line why not."""
    made = {name: (e.make, e.size) for name, e in DATASETS.items() if e.make and e.size}
    parser = argparse.ArgumentParser(prog="python -m companion.miniature", description=__doc__)
    parser.add_argument("release", choices=list(made))
    parser.add_argument("out", type=Path, help="folder of the release")
    parser.add_argument("--source", type=Path, default=Path("data"), help="the shipped sources")
    parser.add_argument(
        "--profile",
        help="take the sizes from this profile of params.yaml; one without a miniature has the "
        "real release in OUT, which is then checked instead",
    )
    actors = {name: size.actors for name, (_, size) in made.items() if size.actors}
    clips = {name: size.clips for name, (_, size) in made.items()}
    for option, defaults in (("--actors", actors), ("--clips", clips)):
        known = ", ".join(f"{name} {count}" for name, count in defaults.items())
        parser.add_argument(option, type=int, help=f"default: {known}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(arguments)
    make, size = made[args.release]
    config: sections.Miniature | None
    try:
        if args.profile is None:
            if args.actors is not None and args.release not in actors:
                raise ValueError(f"{args.release} has no actors: leave --actors out")
            asked = {"actors": args.actors, "clips": args.clips, "seed": args.seed}
            asked = {name: value for name, value in asked.items() if value is not None}
            config = type(size)(**dict(size) | asked)
        else:
            profiles = params.load().profiles
            if args.profile not in profiles:
                raise ValueError(f"profile {args.profile!r} is not one of {', '.join(profiles)}")
            section = profiles[args.profile].dataset(args.release)
            config = section.miniature
        if config is None:
            print(DATASETS[args.release].load(args.out, section.prepare).check())
        else:
            try:
                make(args.source, args.out, config, args.workers)
            except ValueError as error:
                if args.profile is None:
                    raise
                place = f"params.yaml, profiles.{args.profile}.{args.release}.miniature"
                raise ValueError(f"{place}: {error}") from None
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
