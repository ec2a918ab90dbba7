"""Change a picture until a layer, a channel or a class of a trained network answers more strongly (Mordvintsev, Olah &
Tyka 2015, Inceptionism).

  cnn-bench dream photo.jpg --weights weights/squeezenet1_0 --out dream.png
  cnn-bench dream photo.jpg --weights weights/squeezenet1_0 --layer fire5 --channel 7
  cnn-bench dream --weights weights/squeezenet1_0 --class volcano --out volcano.png

Without PICTURE it begins with grey noise, and shows what answers most strongly to itself. The picture grows from a
small one in octaves, so that patterns of all sizes appear. A class needs a head that takes any size, such as one that
averages its maps, or --octaves 1 at the size of the network.

On Ctrl-C the picture so far is written, at the size of its octave, and the exit status is 75.
"""

import argparse
import dataclasses
from typing import TYPE_CHECKING

from cnn_bench.cli import arguments, output, painting
from cnn_bench.errors import UserError, unknown

if TYPE_CHECKING:
    from cnn_bench.trained import TrainedModel

SIZE, STEPS, STEPS_FROM_NOISE = 384, 10, 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench dream`."""
    parser.add_argument('picture', nargs='?', metavar='PICTURE', help='the picture to begin with (default: noise)')
    painting.add_arguments(parser, out='dream.png')
    parser.add_argument(
        '--size',
        type=arguments.whole(1, painting.LARGEST),
        metavar='S',
        help=f'longer side in pixels (default: {SIZE}; from noise, the size of the network)',
    )
    parser.add_argument(
        '--layer',
        metavar='NAME',
        help='the layer, see `cnn-bench features --list-layers` (default: the last of the last stage but one)',
    )
    parser.add_argument('--channel', type=arguments.whole(0), metavar='N', help='one channel of the layer, from 0')
    parser.add_argument('--class', dest='label', metavar='CLASS', help='a class instead, by its name or its number')
    parser.add_argument(
        '--steps',
        type=arguments.whole(1),
        metavar='N',
        help=f'steps of each octave (default: {STEPS}; from noise, {STEPS_FROM_NOISE})',
    )
    parser.add_argument('--octaves', type=arguments.whole(1, 64), default=4, metavar='N', help='number of sizes')
    parser.add_argument(
        '--octave-scale',
        type=arguments.number_above(1),
        default=1.4,
        metavar='X',
        help='how many times as long the sides are as in the octave before',
    )
    parser.add_argument(
        '--step-size',
        type=arguments.number_above(0),
        default=1.5,
        metavar='X',
        help='how much a pixel changes in a step on average, of 255',
    )
    parser.add_argument(
        '--jitter',
        type=arguments.whole(0, painting.LARGEST),
        default=32,
        metavar='N',
        help='most pixels by which each step shifts the picture',
    )
    parser.add_argument(
        '--tv-weight',
        type=arguments.number_from(0),
        default=0,
        metavar='W',
        help='weight of the total variation, which smooths',
    )


def run(args: argparse.Namespace) -> None:
    """Dream, write the picture, and print where it is."""
    if args.label is not None and (args.layer, args.channel) != (None, None):
        raise UserError('dream: give --class, or --layer and --channel')
    from cnn_bench.inference import dreams, layers, pixels

    out = painting.check_out(args.out)
    model = painting.load_model(args)
    if args.picture is None:
        shape = (args.size, args.size) if args.size else model.input_shape[:2]
        start = pixels.noise(args.seed, (*shape, model.input_shape[2]))
    else:
        start = pixels.from_image(painting.read_picture(args.picture, model, args.size or SIZE))
    size = start.shape[1:3]
    layer, channel = args.layer or dreams.default_layer(model, size), args.channel
    if args.label is not None:
        layer, channel = layers.LOGITS, _label(model, args.label)
    steps = args.steps or (STEPS_FROM_NOISE if args.picture is None else STEPS)
    wanted = dreams.Dream(
        layer, channel, steps, args.octaves, args.octave_scale, args.step_size / 255, args.jitter, args.tv_weight
    )
    made = painting.paint(
        dreams.dream(model, start, wanted, args.seed), steps * args.octaves, out, args.every, ('answer',)
    )
    record = {'picture': args.picture, 'arch': model.arch, 'source': str(model.origin), **dataclasses.asdict(wanted)}
    record |= {'class': model.class_names[channel]} if args.label is not None else {}
    record |= {'sizes': dreams.octave_sizes(size, args.octaves, args.octave_scale), 'seed': args.seed}
    if args.json:
        output.print_json({**record, 'steps_of_octave': steps, **made})
        return
    of = f'channel {channel} of {layer}' if channel is not None else layer
    what = f'class {record["class"]}' if args.label is not None else of
    output.print_line(
        f'{out}: {size[1]}x{size[0]}, {what} of {model.arch}, {made["steps"]} steps in {made["seconds"]:.0f} s'
    )


def _label(model: 'TrainedModel', text: str) -> int:
    """The label of a class by its name or its number."""
    if text in model.class_names:
        return model.class_names.index(text)
    if not text.isdecimal():
        raise unknown(f'class of {model.arch}', text, model.class_names)
    return int(text)
