"""Make a miniature release: `python -m olmlib.miniature cremad OUT`."""

import argparse
import sys
from pathlib import Path

from olmlib import params
from olmlib.data import cremad as official
from olmlib.miniature.cremad import cremad


def main(arguments: list[str] | None = None) -> None:
    """Make the miniature that the arguments ask for, or say in one line why not."""
    parser = argparse.ArgumentParser(prog="python -m olmlib.miniature", description=__doc__)
    parser.add_argument("release", choices=["cremad"])
    parser.add_argument("out", type=Path, help="folder of the release")
    parser.add_argument("--source", type=Path, default=Path("data"), help="the shipped sources")
    parser.add_argument(
        "--profile",
        help="take the sizes from this profile of params.yaml; one without a miniature has the "
        "real release in OUT, which is then checked instead",
    )
    parser.add_argument("--actors", type=int, default=24)
    parser.add_argument("--clips", type=int, default=960)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(arguments)
    try:
        if args.profile is None:
            config = params.Miniature(actors=args.actors, clips=args.clips, seed=args.seed)
        else:
            profiles = params.load().profiles
            if args.profile not in profiles:
                raise ValueError(f"profile {args.profile!r} is not one of {', '.join(profiles)}")
            config = profiles[args.profile].dataset(args.release).miniature
        if config is None:
            print(official.load(args.out).check())
        else:
            cremad(args.source, args.out, config, args.workers)
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
