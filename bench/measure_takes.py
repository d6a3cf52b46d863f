"""The cost of four takes in one batch relative to one take alone, for every shipped genre."""

from bench.figures import Figure, Report, Spread, arguments, as_script, bundles_beside, say, timed
from generator.engine.bundles import read_bundle
from generator.engine.composer import Composer
from generator.engine.controls import compose_request
from generator.engine.runtimes.litert import LiteRtRuntime

ABOUT = """\
One process, LiteRT, one thread, pieces of the bundle's default length, a warm network. Each run has its own seed: four
takes are composed in one batch, and then each of them alone. "One take" is the mean of those four, because takes differ
in their number of events. Both ways give the same notes."""

TAKES = 4


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("bench.measure_takes")
    runs = 1 if options.quick else 7
    for path in bundles_beside(options.bundle):
        bundle = read_bundle(path)
        genre = bundle.manifest.genre
        say(f"{genre}: {TAKES} takes, {runs} runs")
        composer = Composer(bundle, runtime=LiteRtRuntime(bundle.step_function))
        ratios, together, alone = [], [], []
        # The first composition of a process includes one-time setup.
        for seed in range(runs + 1):
            requests = [compose_request(bundle.manifest, seed=seed, take=take) for take in range(TAKES)]
            _, batch_cpu, pieces = timed(lambda: composer.compose_many(requests))  # noqa: B023  called at once
            _, alone_cpu, singles = timed(lambda: [composer.compose(request) for request in requests])  # noqa: B023
            assert [piece.notes for piece in pieces if piece] == [piece.notes for piece in singles]
            if seed:
                ratios.append(batch_cpu / (alone_cpu / TAKES))
                together.append(batch_cpu)
                alone.append(alone_cpu / TAKES)
        report.add(
            Figure(
                key=f"takes-{genre}",
                title=f"{TAKES} takes of {genre} in one batch, relative to one take",
                unit="× CPU",
                value=Spread.of(ratios),
                beside={f"s CPU {TAKES} takes": Spread.of(together), "s CPU one take": Spread.of(alone)},
                target=2.2,
                facts={"seconds of music": requests[0].length_seconds},
            )
        )


if __name__ == "__main__":
    as_script(main)
