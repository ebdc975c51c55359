"""Images a second of the PyTorch package on a recipe, a JSON line for each number of threads. For pytorch.ts."""

import argparse
import json
import tempfile
import time

from innate_training.process import settle_process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", required=True, help="numbers of threads, joined by commas")
    parser.add_argument("--iterations", type=int, required=True)
    parser.add_argument("--teacher", help="a file, in place of the recipe's teacher")
    parser.add_argument("--data", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--features-dir", required=True)
    args = parser.parse_args()
    settle_process()

    import torch
    from innate_training import recipe as recipes
    from innate_training.assemble import Setup, open_run
    from innate_training.distributed import World

    recipe = recipes.load(args.recipe, [f"distil.preset={args.preset}", f"distil.batch={args.batch}"])
    with tempfile.TemporaryDirectory() as runs:
        setup = Setup(World(), args.data, runs, [args.weights], [args.features_dir], "bf16")
        trainer, _ = open_run(setup, recipe, fresh=True, teacher=args.teacher)
        for threads in map(int, args.threads.split(",")):
            torch.set_num_threads(threads)
            trainer.step()  # warms up, with these threads
            start, processor = time.perf_counter(), time.process_time()
            for _ in range(args.iterations):
                trainer.step()
            seconds, processor = time.perf_counter() - start, time.process_time() - processor
            row = {
                "threads": threads,
                "imagesPerSecond": args.iterations * args.batch / seconds,
                "processorMs": 1000 * processor / args.iterations,
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
