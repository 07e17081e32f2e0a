"""Make a miniature release: `python -m companion.miniature RELEASE OUT`."""

import argparse
import sys
from pathlib import Path

from companion import params
from companion.miniature.makers import MAKERS
from companion.runs import processor

CLIPS = {"cremad": 960, "ks": 520, "vggsound": 640, "mer2023": 400}


def main(arguments: list[str] | None = None) -> None:
    """Make the miniature that the arguments ask for, or say in one line why not."""
    parser = argparse.ArgumentParser(prog="python -m companion.miniature", description=__doc__)
    parser.add_argument("release", choices=list(MAKERS))
    parser.add_argument("out", type=Path, help="folder of the release")
    parser.add_argument("--source", type=Path, default=Path("data"), help="the shipped sources")
    parser.add_argument(
        "--profile",
        help="take the sizes from this profile of params.yaml; one without a miniature has the "
        "real release in OUT, which is then checked instead",
    )
    parser.add_argument("--actors", type=int, help="of cremad only, default 24")
    sizes = ", ".join(f"{name} {clips}" for name, clips in CLIPS.items())
    parser.add_argument("--clips", type=int, help=f"default: {sizes}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args(arguments)
    processor.hold()
    try:
        if args.profile is None:
            if args.actors is not None and args.release != "cremad":
                raise ValueError(f"{args.release} has no actors: leave --actors out")
            actors = 24 if args.release == "cremad" and args.actors is None else args.actors
            clips = CLIPS[args.release] if args.clips is None else args.clips
            config = params.Miniature(actors=actors, clips=clips, seed=args.seed)
        else:
            profiles = params.load().profiles
            if args.profile not in profiles:
                raise ValueError(f"profile {args.profile!r} is not one of {', '.join(profiles)}")
            section = profiles[args.profile].dataset(args.release)
            config = section.miniature
        if config is None:
            # Late, because it loads scikit-learn, which a miniature does not need.
            from companion.data import registry

            print(registry.load(args.release, args.out, section.prepare).check())
        else:
            MAKERS[args.release](args.source, args.out, config, args.workers)
    except (OSError, ValueError, RuntimeError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
