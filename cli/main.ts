#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { version } from '../package.json';
import { DEFAULT_PRESET, type DistilConfig, FEATURE_NAMES, METHODS, PRESETS } from '../src/distil/config';
import { INPUT_KINDS } from '../src/engine/layers/inputs';
import { QUANTITIES } from '../src/lib/activations';
import { TRAINING_DTYPES } from '../src/lib/backends';
import { asInnateError, InnateError } from '../src/lib/errors';
import { type CompareOptions, compare } from './commands/compare';
import { type ConvertOptions, convert } from './commands/convert';
import { distil } from './commands/distil';
import { type FetchOptions, fetchModel, removeModel } from './commands/fetch';
import { type GenerateOptions, generate } from './commands/generate';
import { type InspectOptions, inspect } from './commands/inspect';
import { listModels, verifyModels } from './commands/models';
import { type RunOptions, run } from './commands/run';
import { type DistilOptions, MEASURE } from './distil-command';
import { addMeasureCommands } from './measure-command';
import {
  backendOption,
  entryOption,
  freezeOption,
  jsonOption,
  middleSigma,
  noiseLevels,
  nonNegativeInteger,
  positive,
  positiveCount,
  positiveInteger,
  precondOption,
  quantityList,
  required,
  samplingOptions,
  studentNfe,
  temperatureOption,
} from './options';
import { Report } from './report';

const program = new Command('innate')
  .description(
    'Makes one-step images from diffusion models, and distils, converts, inspects and evaluates the models.',
  )
  .version(version, '--version', 'print the version')
  .addHelpText(
    'after',
    examples(
      'innate generate afhq-cat-64x64-gdd-i --seeds 0-15 --out cats.png',
      'innate models list',
      'innate help distil',
    ),
  )
  .exitOverride()
  .configureOutput({ outputError: () => {} }); // errors are reported once, in our own words

/** Marks an option that only --resume does without. */
const NEW_RUN = '(required for a new run)';

/** Default of a hyper-parameter, where the presets of small networks agree; the others have their own. */
function perPreset(name: keyof DistilConfig): string {
  const values = [PRESETS.small[name], PRESETS['small-encoder'][name]];
  return values[0] === values[1] ? `(default: ${values[0]})` : "(default: the preset's)";
}

/** The end of a help text. */
function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

function command(parent: Command, usage: string, description: string, ...options: Option[]): Command {
  const added = parent.command(usage).description(description).exitOverride();
  for (const option of options) added.addOption(option);
  return added.addOption(jsonOption());
}

const startSigma = () =>
  new Option(
    '--sigma <number>',
    'noise level at which the model starts (default: as stated by the catalogue, its file or its name, otherwise 80)',
  ).argParser(positive);

const computing = () => [backendOption(), precondOption(), entryOption()];

command(
  program,
  'run <checkpoint>',
  'write the output of a network for given latents',
  ...samplingOptions(),
  ...computing(),
)
  .addOption(required('--latents <file>', '.safetensors with latents [N,C,H,W] and class_index [N]'))
  .addOption(required('--out <file>', '.safetensors to write'))
  .addHelpText('after', examples('innate run net.pkl --latents z.safetensors --out images.safetensors'))
  .action(reported((checkpoint: string, o: RunOptions, report) => run(checkpoint, o, report)));

command(program, 'generate <model>', 'make the images of given seeds', ...samplingOptions(), ...computing())
  .option('--seeds <list>', 'list of seeds, such as 0-15,20 (required without --latent)')
  .option(
    '--class <class>',
    'class of all images, by index or name, or several with weights: cat:0.7,dog:0.3 (default: random, from the seed)',
  )
  .addOption(temperatureOption())
  .option('--latent <file>', 'unit noise in place of the seeds’: .npy, .npz or .safetensors, [N,C,H,W]')
  .addOption(
    new Option('--columns <n>', 'columns of the grid (default: nearly square)').argParser(positiveInteger),
  )
  .addOption(required('--out <path>', 'where to write: grid.png, images.npz or a folder/'))
  .addOption(
    new Option(
      '--npz <names>',
      'names of the arrays in an .npz: innate (images, seeds, labels) or adm (arr_0, seeds, arr_1)',
    )
      .choices(['innate', 'adm'])
      .default('innate'),
  )
  .addHelpText(
    'after',
    examples(
      'innate generate afhq-cat-64x64-gdd-i --seeds 0-15 --out cats.png',
      'innate generate fashion-mnist-32x32-gdd-i --seeds 0-7 --class sneaker --out sneakers/',
      'innate generate cifar10-32x32-gdd-i --seeds 0-7 --class cat:0.7,dog:0.3 --out mixed.png',
      'innate generate edm-cifar10.pkl --seeds 0-99 --sampler heun --out images.npz',
    ),
  )
  .action(reported((model: string, o: GenerateOptions, report) => generate(model, o, report)));

command(program, 'compare <models...>', 'make images of several models from the same seeds', backendOption())
  .addOption(required('--seeds <list>', 'list of seeds, such as 0-7,20'))
  .option(
    '--class <class>',
    'class of all images, by index or name, or several with weights: cat:0.7,dog:0.3 (default: random, from the seed)',
  )
  .addOption(temperatureOption())
  .addOption(required('--out <file>', 'where to write: sheet.png, with captions, or sheet.npz'))
  .addHelpText(
    'after',
    `
A model is an id or a file, and may say how its images are made: MODEL@heun:18,
MODEL@two-step, MODEL@sigma=2.5, or both: MODEL@heun:18,sigma=40.
${examples(
  'innate compare afhq-cat-64x64-gdd-i afhq-cat-64x64-teacher@heun:18 --seeds 0-7 --out cats.png',
  'innate compare fashion-mnist-32x32-gdd-i fashion-mnist-32x32-teacher@heun --seeds 0-99 --class sneaker --out both.npz',
)}`,
  )
  .action((names: string[], o: CompareOptions) => withReport(o.json, (report) => compare(names, o, report)));

command(
  program,
  'convert <in> <out>',
  'convert a checkpoint to .safetensors',
  startSigma(),
  middleSigma('(default: as stated by the file)'),
  ...computing(),
)
  .addOption(
    new Option('--dtype <type>', 'number type of the weight matrices').choices(['f16', 'f32']).default('f16'),
  )
  .option('--delta-of <teacher>', 'store only the difference to this model')
  .addOption(entryOption('--teacher-entry <name>'))
  .addHelpText(
    'after',
    examples(
      'innate convert edm-cifar10.pkl edm-cifar10.safetensors',
      'innate convert student.safetensors small.safetensors --delta-of fashion-mnist-32x32-teacher',
    ),
  )
  .action((input: string, out: string, o: ConvertOptions) =>
    withReport(o.json, (report) => convert(input, out, o, report)),
  );

command(
  program,
  'inspect <model>',
  'measure how strongly each block responds at each noise level',
  startSigma(),
  ...computing(),
)
  .addOption(
    required(
      '--sigmas <list>',
      'noise levels such as 80,10,1,0.1, or heun:18, log:12 for a schedule',
    ).argParser(noiseLevels),
  )
  .option('--seeds <list>', 'seeds of the noise (default: 0-7)')
  .option('--latents <file>', '.safetensors with the noise, in place of --seeds')
  .addOption(
    new Option('--input <kind>', 'what the network is shown').choices([...INPUT_KINDS]).default('noise'),
  )
  .option('--data <path>', 'real images for --input noised')
  .addOption(
    new Option('--quantities <list>', `what to measure: all, or some of ${QUANTITIES.join(',')}`)
      .argParser(quantityList)
      .default(['rms'], 'rms'),
  )
  .option('--parts', "measure each block's norms, convolutions and attention too")
  .option('--spectra', 'write the radial power of what each block adds, and of the denoised images')
  .option('--student <model>', 'compare a one-step student of this model with it')
  .addOption(entryOption('--student-entry <name>'))
  .addOption(
    new Option('--examples <n>', 'number of seeds for the comparison by CKA')
      .argParser(positiveInteger)
      .default(64),
  )
  .addOption(
    new Option('--digits <n>', 'significant digits to write (default: all)').argParser(positiveInteger),
  )
  .addOption(required('--out <file>', 'JSON to write'))
  .addHelpText(
    'after',
    examples(
      'innate inspect afhq-cat-64x64-teacher --sigmas 80,10,1,0.1 --out activations.json',
      'innate inspect afhq-cat-64x64-teacher --sigmas heun:18 --quantities all --parts --spectra --out layers.json',
    ),
  )
  .action(reported((model: string, o: InspectOptions, report) => inspect(model, o, report)));

command(program, 'distil', 'distil a one-step or two-step student from a diffusion teacher', ...computing())
  .option('--teacher <model>', `catalogue id or file ${NEW_RUN}`)
  .option('--student <model>', 'start from this student instead of the teacher')
  .addOption(entryOption('--student-entry <name>'))
  .option('--data <path>', `data-set zip, CIFAR-10 archive, .npz, or a folder of images ${NEW_RUN}`)
  .addOption(
    new Option(
      '--method <name>',
      `method: which layers train, and with which loss ${perPreset('method')}`,
    ).choices(METHODS),
  )
  .addOption(
    new Option('--features <name>', "feature network of the discriminator (default: the preset's)").choices(
      FEATURE_NAMES,
    ),
  )
  .addOption(
    new Option(
      '--freeze <what>',
      "what stays the teacher's: level 0 nothing, 1 conv and proj, 2 qkv too, 3 skip too, or globs, as 'enc.*,map_*' (default: the method's)",
    ).argParser(freezeOption),
  )
  .option('--second-features <file>', 'a second feature network: weights of VGG16-BN or DeiT-B distilled')
  .option('--class-embeddings <file>', "class embeddings that the paper's heads begin from (default: random)")
  .addOption(new Option('--loss-type <name>', 'loss (default: ns)').choices(['ns', 'hinge']))
  .option(
    '--diffaugment',
    'the discriminator sees all images shifted, recoloured and cut: for fewer than 5,000',
  )
  .addOption(
    new Option(
      '--instance-loss <name>',
      "what imitation and cd compare: pixels, or EfficientNet-Lite0's features (default: l2)",
    ).choices(['l2', 'lite0']),
  )
  .addOption(
    new Option(
      '--dtype <type>',
      'what steps compute in: f32, or f16, float16 activations with float32 weights, where WebGPU has shader-f16 (default: f32)',
    ).choices(TRAINING_DTYPES),
  )
  .addOption(
    new Option('--preset <name>', `hyper-parameters (default: ${DEFAULT_PRESET})`).choices(
      Object.keys(PRESETS),
    ),
  )
  .addOption(
    new Option('--images <n>', `number of real images to train on ${perPreset('images')}`).argParser(
      positiveCount,
    ),
  )
  .addOption(new Option('--batch <n>', `images in a step ${perPreset('batch')}`).argParser(positiveInteger))
  .addOption(
    new Option(
      '--micro-batch <n>',
      'images whose gradients fit into memory together (default: what fits)',
    ).argParser(positiveInteger),
  )
  .addOption(
    new Option(
      '--seed <n>',
      `seed of the noise, the order of images and the heads ${perPreset('seed')}`,
    ).argParser(nonNegativeInteger),
  )
  .addOption(
    new Option(
      '--sigma <number>',
      `noise level at which the student starts ${perPreset('startSigma')}`,
    ).argParser(positive),
  )
  .addOption(studentNfe(perPreset('nfe')))
  .addOption(middleSigma(`${perPreset('sigmaMid')}`))
  .addOption(
    new Option('--generator-rate <number>', `learning rate ${perPreset('generatorRate')}`).argParser(
      positive,
    ),
  )
  .addOption(
    new Option('--discriminator-rate <number>', `learning rate ${perPreset('discriminatorRate')}`).argParser(
      positive,
    ),
  )
  .addOption(
    new Option(
      '--measure-every <n>',
      `images between Fréchet distances (default: ${MEASURE.measureEvery})`,
    ).argParser(positiveCount),
  )
  .addOption(
    new Option(
      '--measure-images <n>',
      `generated for a distance; 0: none (default: ${MEASURE.measureImages})`,
    ).argParser(nonNegativeInteger),
  )
  .option('--log <file>', 'file to which one JSON line is appended in each iteration')
  .option('--resume <state>', 'continue from a saved state, which remembers all other options')
  .option('--out <file>', `.safetensors of the averaged student; its state is saved beside it ${NEW_RUN}`)
  .addHelpText(
    'after',
    examples(
      'innate distil --teacher fashion-mnist-32x32-teacher --data public/data/fashion-mnist-32x32.zip --out clothes.safetensors',
      'innate distil --resume clothes.safetensors.state',
      'innate distil --resume clothes.safetensors.state --images 50000',
    ),
  )
  .action((o: DistilOptions) => {
    if (o.resume === undefined)
      for (const [name, flags] of [
        ['teacher', '--teacher <model>'],
        ['data', '--data <path>'],
        ['out', '--out <file>'],
      ] as const)
        if (o[name] === undefined)
          throw new CommanderError(2, 'innate.missing', `required option '${flags}' not specified`);
    return withReport(o.json, (report) => distil(o, report));
  });

addMeasureCommands(program, { command, computing, examples, reported });

const models = program
  .command('models')
  .description('list, check, fetch or remove the models of the catalogue')
  .exitOverride();
command(models, 'list', 'list the models').action((o: { json?: boolean }) =>
  withReport(o.json, (report) => listModels(o, report)),
);
command(models, 'fetch <id>', 'download a public checkpoint, and convert it to float16 .safetensors')
  .option('--dir <folder>', "where to put it (default: the user's cache, where every command finds it)")
  .option('--url <address>', 'another source of the same checkpoint')
  .option('--from <file>', 'a checkpoint that was downloaded by other means')
  .addHelpText(
    'after',
    `\nHF_ENDPOINT takes the place of https://huggingface.co; HTTPS_PROXY, HTTP_PROXY and NO_PROXY are heeded.\n${examples(
      'innate models fetch sida-ffhq',
      'innate models fetch gdd-cifar10-32x32 --from cifar_uncond_gdd_i.pkl',
    )}`,
  )
  .action(reported((id: string, o: FetchOptions, report) => fetchModel(id, o, report)));
command(models, 'remove <id>', 'delete a fetched model, or what there is of its download')
  .option('--dir <folder>', "where it is (default: the user's cache)")
  .action(
    reported((id: string, o: Pick<FetchOptions, 'dir' | 'json'>, report) => removeModel(id, o, report)),
  );
command(models, 'verify', 'check the shipped files').action((o: { json?: boolean }) =>
  withReport(o.json, (report) => verifyModels(o, report)),
);

function reported<O extends { json?: boolean }>(
  action: (argument: string, options: O, report: Report) => void | Promise<void>,
): (argument: string, options: O) => Promise<void> {
  return (argument, options) => withReport(options.json, (report) => action(argument, options, report));
}

async function withReport(
  json: boolean | undefined,
  action: (report: Report) => void | Promise<void>,
): Promise<void> {
  const report = new Report(json ?? false);
  try {
    await action(report);
  } catch (error) {
    report.failure(asInnateError(error));
    process.exitCode = 1;
  }
}

/** Commander's complaint as one line of ours; help and version are not errors. */
function usageError(error: CommanderError): void {
  if (error.exitCode === 0 || error.code === 'commander.help') return;
  const message = error.message.replace(/^error: /, '').split('\n')[0]!;
  new Report(process.argv.includes('--json')).failure(
    new InnateError('bad-argument', message, { hint: 'See innate --help' }),
  );
  process.exitCode = 2;
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) usageError(error);
  else throw error;
}
// Dawn keeps the event loop alive; everything is written by now.
process.exit();
