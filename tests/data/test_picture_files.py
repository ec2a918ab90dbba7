"""Which files of a folder are taken for pictures, in which order."""

from cnn_bench.data.picture_files import named_pictures, pictures_below
from cnn_bench.data.pictures import Refusal


def test_folders_are_walked_in_order_of_names(tmp_path):
    for name in ('b/2.png', 'b/10.png', 'a.JPG', 'c/.hidden.png', '.git/x.png', 'c/notes.txt', 'z.gif'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / 'b' / 'loop').symlink_to(tmp_path)
    names = [path.removeprefix(f'{tmp_path}/') for path in named_pictures([tmp_path])]
    assert names == ['a.JPG', 'b/10.png', 'b/2.png', 'z.gif']
    found = list(named_pictures([tmp_path / 'c', tmp_path / 'c' / 'notes.txt']))
    assert isinstance(found[0], Refusal)  # no pictures in it; but what is named itself is taken
    assert found[1] == str(tmp_path / 'c' / 'notes.txt')


def test_links_are_followed_once_and_what_is_skipped_is_reported(tmp_path):
    for name in ('a/1.png', 'a/notes.txt', 'a/.ipynb_checkpoints/1.png', 'elsewhere/2.PNG'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / 'a' / 'more').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'a' / 'up').symlink_to(tmp_path / 'a')
    skipped = []
    found = list(pictures_below(str(tmp_path / 'a'), skipped.append))
    assert found == [str(tmp_path / 'a' / name) for name in ('1.png', 'more/2.PNG')]
    assert skipped == [str(tmp_path / 'a' / 'notes.txt')]
