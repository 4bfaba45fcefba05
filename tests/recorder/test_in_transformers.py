"""The callback for the Trainer of transformers, in the Trainer."""

import pytest
from support_runs_of_noise import CLASSES, memorized_and_stopped, noise

from grokbench import MemorizedWarning, Recorder
from grokbench.curves.schedule import checkpoints

pytestmark = pytest.mark.slow  # its import takes seconds


@pytest.fixture
def transformers():
    """The library, imported where it is used: it takes seconds."""
    pytest.importorskip("accelerate")
    return pytest.importorskip("transformers")


def network():
    import torch

    class Network(torch.nn.Module):
        """One hidden layer, in the form that the Trainer expects."""

        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.Linear(40, 64), torch.nn.ReLU(), torch.nn.Linear(64, CLASSES))

        def forward(self, inputs, labels):
            scores = self.layers(inputs)
            return {"loss": torch.nn.functional.cross_entropy(scores, labels), "logits": scores}

    return Network()


def train(transformers, recorder, steps, folder, **options):
    from grokbench.recorder.transformers import RecorderCallback

    transformers.set_seed(0)
    seen, unseen = ([{"inputs": x, "labels": int(y)} for x, y in zip(*split, strict=True)] for split in noise())
    arguments = transformers.TrainingArguments(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=60, learning_rate=0.03,
        per_device_eval_batch_size=60, lr_scheduler_type="constant", report_to=[], save_strategy="no",
        logging_strategy="no", disable_tqdm=True, use_cpu=True, dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = transformers.Trainer(
        model=network(),
        args=arguments,
        train_dataset=seen,
        eval_dataset={"train": seen, "test": unseen},
        compute_metrics=lambda p: {"accuracy": float((p.predictions.argmax(1) == p.label_ids).mean())},
        callbacks=[RecorderCallback(recorder, **options)],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    return trainer.state.log_history


@pytest.mark.filterwarnings("ignore::grokbench.MemorizedWarning")
def test_it_evaluates_on_the_grid_and_records_what_the_trainer_says(transformers, tmp_path):
    recorder = Recorder(n_classes=CLASSES)
    history = train(transformers, recorder, 58, tmp_path)
    assert list(recorder.rows) == [step for step in checkpoints(57) if 0 < step < 57]
    for name in ("eval_train_accuracy", "eval_test_accuracy", "eval_test_loss"):
        theirs = {entry["step"]: entry[name] for entry in history if name in entry}
        assert dict(zip(*recorder.series(name.removeprefix("eval_")), strict=True)) == pytest.approx(theirs)


def test_a_patience_in_t_mem_ends_it(transformers, tmp_path):
    recorder = Recorder(n_classes=CLASSES)
    with pytest.warns(MemorizedWarning):
        train(transformers, recorder, 300, tmp_path, stop_after=2)
    memorized_and_stopped(recorder, 300, 2)
