"""Cases, folds and the training of bundles. Knows nothing of MLflow: logging comes in as handlers."""
