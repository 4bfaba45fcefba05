"""The callback for PyTorch Lightning, in Lightning."""

import pytest
from support_runs_of_noise import CLASSES, memorized_and_stopped, noise

from grokbench import MemorizedWarning, Recorder

# torch, of what Lightning asks it
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")]


@pytest.fixture
def lightning():
    """The library, imported where it is used: it takes seconds."""
    return pytest.importorskip("lightning.pytorch")


def module(lightning):
    import torch

    class Network(lightning.LightningModule):
        """One hidden layer, which logs what it is right about."""

        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.Linear(40, 64), torch.nn.ReLU(), torch.nn.Linear(64, CLASSES))
            self.history = []

        def step(self, batch, name):
            scores = self.layers(batch[0])
            loss = torch.nn.functional.cross_entropy(scores, batch[1])
            accuracy = (scores.argmax(1) == batch[1]).float().mean()
            self.log_dict({f"{name}_acc": accuracy, f"{name}_loss": loss}, on_epoch=True, on_step=False)
            self.history.append((name, self.global_step, float(accuracy)))
            return loss

        def training_step(self, batch, _):
            return self.step(batch, "train")

        def validation_step(self, batch, _):
            return self.step(batch, "val")

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), 0.03)

    return Network()


def train(lightning, recorder, epochs, folder, resume=None, **options):
    import torch

    from grokbench.recorder.lightning import RecorderCallback

    lightning.seed_everything(0, verbose=False)
    loaders = [
        torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(*map(torch.as_tensor, split)), batch_size=30, num_workers=0
        )
        for split in noise()
    ]
    trainer = lightning.Trainer(
        **{"max_epochs": epochs, "accelerator": "cpu", "logger": False, "enable_progress_bar": False},
        **{"enable_model_summary": False, "enable_checkpointing": False, "default_root_dir": folder},
        num_sanity_val_steps=0,
        callbacks=[RecorderCallback(recorder, **options)],
    )
    network = module(lightning)
    trainer.fit(network, *loaders, ckpt_path=resume)
    return network, trainer


@pytest.mark.filterwarnings("ignore::grokbench.MemorizedWarning")
def test_the_record_is_what_the_module_logged_on_the_clock_of_steps(lightning, tmp_path):
    recorder = Recorder(n_classes=CLASSES)
    network, _ = train(lightning, recorder, 3, tmp_path)
    assert recorder.series("test_accuracy").times.tolist() == [2, 4, 6]
    accuracies = [accuracy for name, _, accuracy in network.history if name == "train"]
    means = [(first + second) / 2 for first, second in zip(accuracies[::2], accuracies[1::2], strict=True)]
    assert recorder.series("train_accuracy").values.tolist() == pytest.approx(means)
    assert set(recorder.rows[2]) == {"train_accuracy", "test_accuracy", "test_loss"}


def test_a_patience_in_t_mem_ends_it(lightning, tmp_path):
    recorder = Recorder(n_classes=CLASSES)
    with pytest.warns(MemorizedWarning):
        train(lightning, recorder, 300, tmp_path, stop_after=2)
    memorized_and_stopped(recorder, 600, 2)


@pytest.mark.filterwarnings("ignore::grokbench.MemorizedWarning")
def test_the_record_travels_in_the_checkpoint(lightning, tmp_path):
    first, second = Recorder(n_classes=CLASSES), Recorder(n_classes=CLASSES)
    _, trainer = train(lightning, first, 2, tmp_path)
    trainer.save_checkpoint(tmp_path / "two.ckpt")
    train(lightning, second, 4, tmp_path, resume=tmp_path / "two.ckpt")
    assert list(second.rows) == [2, 4, 6, 8]
    assert second.rows[4] == first.rows[4]
