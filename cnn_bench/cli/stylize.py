"""Paint a picture in the style of another, by the features of a trained network (Gatys, Ecker & Bethge 2016).

  cnn-bench stylize photo.jpg painting.jpg --weights weights/squeezenet1_0 --out painted.png
  cnn-bench stylize photo.jpg painting.jpg --weights weights/vgg19 --size 512 --steps 300 --every 50

The pixels are changed until the content layer's output is near that of CONTENT, and the products of the style layers'
channels near those of STYLE. Any network will do that takes pictures, at any size; early convolutions without
normalisation (VGG, SqueezeNet) give the clearest style. `cnn-bench features --list-layers` names the layers.

On Ctrl-C the picture so far is written, and the exit status is 75.
"""

import argparse
import dataclasses

from cnn_bench.cli import arguments, output, painting
from cnn_bench.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cnn-bench stylize`."""
    parser.add_argument('content', metavar='CONTENT', help='the picture to paint')
    parser.add_argument('style', metavar='STYLE', help='the picture whose style it gets')
    painting.add_arguments(parser, out='stylized.png')
    parser.add_argument(
        '--size',
        type=arguments.whole(1, painting.LARGEST),
        default=384,
        metavar='S',
        help='longer side of both pictures, in pixels',
    )
    parser.add_argument(
        '--style-size',
        type=arguments.whole(1, painting.LARGEST),
        metavar='S',
        help='longer side of STYLE, the larger the coarser its strokes (default: --size)',
    )
    parser.add_argument('--content-layer', metavar='NAME', help="the layer of content (default: the second stage's)")
    parser.add_argument(
        '--style-layers',
        metavar='NAME,...',
        help='the layers of style (default: the first and the last of each stage but the last stage)',
    )
    for name, value, of in (
        ('content', 1, "of the content layer's distance"),
        ('style', 300, "of the style layers' mean distance"),
        ('tv', 30, 'of the total variation, which smooths'),
    ):
        parser.add_argument(
            f'--{name}-weight', type=arguments.number_from(0), default=value, metavar='W', help=f'weight {of}'
        )
    parser.add_argument('--steps', type=arguments.whole(1), default=200, metavar='N', help='number of steps')
    parser.add_argument('--optimizer', choices=('lbfgs', 'adam'), default='lbfgs', help='what takes the steps')
    parser.add_argument(
        '--learning-rate',
        type=arguments.number_above(0),
        metavar='R',
        help="Adam's, where white is 1 (default: 0.02)",
    )
    parser.add_argument('--start', choices=('content', 'noise'), default='content', help='what the pixels are at first')


def run(args: argparse.Namespace) -> None:
    """Paint, write the picture, and print where it is."""
    if args.learning_rate is not None and args.optimizer != 'adam':
        raise UserError(f'stylize: --learning-rate is of --optimizer adam; {args.optimizer} searches its own')
    from cnn_bench.inference import style

    out = painting.check_out(args.out)
    model = painting.load_model(args)
    content = painting.read_picture(args.content, model, args.size)
    wanted = painting.read_picture(args.style, model, args.style_size or args.size)
    weights = {f'{name}_weight': getattr(args, f'{name}_weight') for name in ('content', 'style', 'tv')}
    of_style = () if args.style_layers is None else tuple(args.style_layers.split(','))
    plan = style.plan_for(model, content.shape[:2], args.content_layer, of_style, **weights)
    how = args.steps, args.optimizer, args.learning_rate or style.LEARNING_RATE, args.start, args.seed
    steps = style.stylize(model, content, wanted, plan, *how)
    made = painting.paint(steps, args.steps, out, args.every, ('content', 'style', 'tv'))
    record = {
        'content_picture': args.content,
        'style_picture': args.style,
        'arch': model.arch,
        'source': str(model.origin),
        **dataclasses.asdict(plan),
        'size': list(content.shape[:2]),
        'optimizer': args.optimizer,
        'start': args.start,
        'seed': args.seed,
        **made,
    }
    if args.json:
        output.print_json(record)
        return
    height, width = content.shape[:2]
    output.print_line(
        f'{out}: {width}x{height}, content of {plan.content_layer} and style of {", ".join(plan.style_layers)} of '
        f'{model.arch}, {args.steps} steps in {made["seconds"]:.0f} s'
    )
