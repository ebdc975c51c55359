// Lints training/ by its own rules (training/pyproject.toml) where ruff is installed; the last part of npm run lint.
import { spawnSync } from 'node:child_process';
import { python, pythonHas } from './python.mjs';

if (!pythonHas('ruff')) {
  console.log(
    `skipped: lint of training/ (no ruff in ${python}: pip install ruff; INNATE_PYTHON names its Python)`,
  );
} else {
  const ruff = (...args) =>
    spawnSync(python, ['-m', 'ruff', ...args, 'training'], { stdio: 'inherit' }).status === 0;
  const clean = [ruff('check'), ruff('format', '--check')];
  process.exit(clean.every(Boolean) ? 0 : 1);
}
