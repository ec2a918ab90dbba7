"""Overrides that the presets of many experiments share, for PRESETS and `variants`."""

DEMO = {'batch_size': 50, 'eval_every_epochs': 1, 'devices': 1}  # on the packaged subset of Fashion-MNIST, on a CPU
FASHION_MNIST = {'dataset.name': 'fashion_mnist', 'dataset.validation_images': 5000, 'batch_size': 128}
CIFAR10 = {'dataset.name': 'cifar10', 'dataset.validation_images': 5000, 'batch_size': 128}
FLIP_AND_CROP = {'augment.flip': True, 'augment.pad_crop': 2}
VGG11 = {'model.arch': 'vgg11_bn', 'model.stem': 'small'}
