// All tests, as CI runs them: npm test. Brings the software adapter and the browser first, then types, lint,
// import rules, unit and parity tests on every back-end, and the browser. The last line counts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { python, pythonHas } from './python.mjs';
import { softwareGpuEnv } from './software-gpu/env.mjs';

rmSync('test-results', { recursive: true, force: true });
mkdirSync('test-results', { recursive: true });
const env = { ...process.env, ...softwareGpuEnv() };
const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

step('types', 'npx', ['tsc', '-p', '.']);
step('lint', 'npx', ['biome', 'check', '--error-on-warnings', '.']);
step('imports', 'npx', ['depcruise', '--config', '.dependency-cruiser.cjs', 'src', 'cli', 'bench']);
step('dead code', 'npx', ['knip']);
step('lint of training', 'node', ['scripts/lint-training.mjs']);
step('build', 'npm', ['run', 'build', '--silent']);
step('bundle sizes', 'npx', ['size-limit']);

const backends = env.INNATE_SOFTWARE_ADAPTER === 'lavapipe' ? 'wasm,cpu,webgpu' : 'wasm,cpu';
if (!backends.includes('webgpu'))
  console.log('skipped: parity on webgpu in Node (no lavapipe on this machine)');
step(
  'unit tests',
  'npx',
  ['vitest', 'run', '--reporter=default', '--reporter=json', '--outputFile.json=test-results/vitest.json'],
  {
    INNATE_TEST_BACKENDS: backends,
  },
);
count(
  'test-results/vitest.json',
  json((r) => ({
    passed: r.numPassedTests,
    failed: r.numFailedTests + (r.numFailedTestSuites > 0 && r.numFailedTests === 0 ? 1 : 0),
    skipped: r.numPendingTests + r.numTodoTests,
    failures: r.testResults.flatMap((file) =>
      file.status === 'failed' && file.assertionResults.length === 0
        ? [`${relative('.', file.name)}: ${file.message}`]
        : file.assertionResults
            .filter((test) => test.status === 'failed')
            .map(
              (test) => `${relative('.', file.name)}: ${test.fullName}\n${test.failureMessages.join('\n')}`,
            ),
    ),
  })),
);
step('browser tests', 'npx', ['playwright', 'test']);
count(
  'test-results/playwright.json',
  json((r) => ({
    passed: r.stats.expected + r.stats.flaky,
    failed: r.stats.unexpected,
    skipped: r.stats.skipped,
    failures: failedSpecs(r.suites),
  })),
);

// The PyTorch package is a project of its own: its tests run where PyTorch is. Among them PyTorch's images are compared
// with those of the command line, which the build above has made.
if (pythonHas('torch', 'numpy', 'PIL', 'tqdm', 'pytest')) {
  const report = 'test-results/training.xml';
  step('training tests', python, ['-m', 'pytest', '-q', 'training/tests', `--junitxml=${report}`]);
  count(report, (xml) => {
    const [all, failing, errors, skipped] = ['tests', 'failures', 'errors', 'skipped'].map((name) =>
      Number(xml.match(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`))?.[1]),
    );
    const names = [...xml.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"[^>]*><(?:failure|error)/g)];
    return {
      passed: all - failing - errors - skipped,
      failed: failing + errors,
      skipped,
      failures: names.map(([, file, name]) => `${file}: ${name}`),
    };
  });
} else
  console.log(
    `\nskipped: training tests, PyTorch's images beside the page's (no torch or pytest in ${python}: ` +
      'pip install -e "training[features,test]"; INNATE_PYTHON names its Python)',
  );

// Repeated last: of a long log often only the end is at hand.
for (const failure of failures) console.log(`\nfailed: ${failure.slice(0, 2000)}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

/** One command; a failure of it counts as one failed test and the rest still runs. */
function step(name, command, args, extra = {}) {
  console.log(`\n== ${name}`);
  const started = Date.now();
  const { status } = spawnSync(command, args, { stdio: 'inherit', env: { ...env, ...extra } });
  console.log(
    `== ${name}: ${status === 0 ? 'ok' : 'FAILED'}, ${Math.round((Date.now() - started) / 1000)} s`,
  );
  if (status === 0) total.passed++;
  else {
    total.failed++;
    failures.push(`the step "${name}"`);
  }
}

/** Adds what a report says of its tests; a report that is not there counts as one failed test. */
function count(file, read) {
  if (!existsSync(file)) {
    total.failed++;
    failures.push(`${file} was not written`);
    return;
  }
  const { failures: failed, ...counts } = read(readFileSync(file, 'utf8'));
  for (const key of Object.keys(counts)) total[key] += counts[key];
  failures.push(...failed);
}

function json(read) {
  return (text) => read(JSON.parse(text));
}

/** Playwright's report is a tree of files and groups: the titles of the specs that failed, with their first error. */
function failedSpecs(suites) {
  return suites.flatMap((suite) => [
    ...failedSpecs(suite.suites ?? []),
    ...(suite.specs ?? [])
      .filter((spec) => !spec.ok)
      .map((spec) => {
        const errors = spec.tests.flatMap((test) => test.results.flatMap((result) => result.errors));
        return `${spec.file}:${spec.line}: ${spec.title}\n${errors[0]?.message ?? ''}`;
      }),
  ]);
}
