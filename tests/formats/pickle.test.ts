import { describe, expect, test } from 'vitest';
import { KNOWN_NAMES } from '../../src/formats/known-names';
import { ATOMS } from '../../src/formats/pickle/atoms';
import { CONTAINERS } from '../../src/formats/pickle/containers';
import { MEMO } from '../../src/formats/pickle/memo';
import { OBJECTS } from '../../src/formats/pickle/objects';
import { Op } from '../../src/formats/pickle/opcodes';
import { ByteReader } from '../../src/formats/pickle/reader';
import { FRAMING, unpickle } from '../../src/formats/pickle/unpickle';
import { ByteRange, LongText, NumpyArray, PyObject, Tuple } from '../../src/formats/pickle/values';
import { bufferSource } from '../../src/formats/source';
import { bytesOf, concat, failure, open, outcome, u32, u64 } from './helpers';

const load = (...parts: Parameters<typeof bytesOf>) =>
  unpickle(new ByteReader(bufferSource(bytesOf(...parts), 'test')), { names: KNOWN_NAMES });
const text = (s: string) => bytesOf([0x8c, s.length], s);

describe('values', () => {
  test.each([
    ['None', ['N.'], null],
    ['protocol 0 int', ['I-5\n.'], -5],
    ['protocol 0 bool', ['I01\n.'], true],
    ['protocol 0 long', ['L12345678901234567890L\n.'], 12345678901234567890n],
    ['protocol 0 float', ['F1.5e3\n.'], 1500],
    ['protocol 0 string', ["S'a\\x41\\n'\n."], 'aA\n'],
    ['protocol 0 unicode', ['V\\u00e9\n.'], 'é'],
    ['BININT', ['J', u32(-7), '.'], -7],
    ['LONG1 negative', [[0x8a, 2, 0, 0x80], '.'], -32768],
    ['BINFLOAT', ['G', [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], '.'], 1.5],
    ['UTF-8', [[0x8c, 2, 0xc3, 0xa9], '.'], 'é'],
    ['latin-1 string', ['U', [2, 0x85, 0x41], '.'], '\u0085A'],
    ['list', ['](K', [1], 'K', [2], 'e.'], [1, 2]],
    ['tuple', ['K', [1], [0x85], '.'], new Tuple([1])],
    ['dict of protocol 0', ['(VA\nK', [1], 'd.'], new Map([['A', 1]])],
    ['set', [[0x8f], '(K', [1], 'K', [1], [0x90], '.'], new Set([1])],
    ['memo', [']', [0x94], 'K', [1], 'a0h', [0], '.'], [1]],
    ['mark taken by pop', ['N(0.'], null],
    [
      'numpy scalar',
      [
        'cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n',
        text('f8'),
        [0x89, 0x88, 0x87],
        'R(K',
        [3],
        text('<'),
        'NNNJ',
        u32(-1),
        'J',
        u32(-1),
        'K',
        [0],
        'tbC',
        [8, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f],
        [0x86],
        'R.',
      ],
      0.5,
    ],
    [
      'latin-1 bytes of protocol 2',
      ['c_codecs\nencode\n', 'X', u32(3), [0x41, 0xc3, 0xa9], text('latin1'), [0x86], 'R.'],
      Uint8Array.of(0x41, 0xe9),
    ],
  ] as [string, Parameters<typeof bytesOf>, unknown][])('%s', (_, parts, value) => {
    expect(load(...parts)).toEqual(value);
  });

  test('long bytes and text stay in the file', () => {
    const bytes = load('B', u32(5000), new Uint8Array(5000), '.');
    expect(bytes).toBeInstanceOf(ByteRange);
    expect(bytes).toMatchObject({ offset: 5, length: 5000 });
    expect(load([0x8d], u64(70000), new Uint8Array(70000), '.')).toBeInstanceOf(LongText);
    const memo = load(']', [0x94], '(B', u32(5000), new Uint8Array(5000), 'h', [0], 'e.');
    expect(memo).toHaveLength(2);
  });

  test('keys that are traps for objects are only keys', () => {
    const map = load('}(', text('__proto__'), '}', text('constructor'), 'Nu.') as Map<string, unknown>;
    expect([...map.keys()]).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('values cross the edge of the read-ahead window', () => {
    for (let pad = 16370; pad < 16390; pad++) {
      const nones = new Uint8Array(pad).fill(0x4e);
      expect(load(nones, 'G', [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], '.')).toBe(1.5);
      expect(load(nones, 'J', u32(77), '.')).toBe(77);
      expect(load(nones, 'I77\n.')).toBe(77);
      expect(load(nones, text('abcdefgh'), '.')).toBe('abcdefgh');
    }
  });

  test('a numpy array without data is no tensor', () => {
    const array = load(
      'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK',
      [0],
      [0x85],
      'C',
      [1, 98],
      [0x87],
      'R.',
    );
    expect(array).toBeInstanceOf(NumpyArray);
    expect((array as NumpyArray).tensor).toBeNull();
  });
});

describe('code is never run: a name that is not known is only a name', () => {
  const names = [
    'os.system',
    'posix.system',
    'nt.system',
    'subprocess.Popen',
    'builtins.eval',
    'builtins.exec',
    'builtins.getattr',
    'builtins.__import__',
    'builtins.open',
    '__builtin__.eval',
    'functools.partial',
    'operator.attrgetter',
    'sys.exit',
    'importlib.import_module',
    'runpy.run_path',
    'torch.load',
    'torch.jit._script.RecursiveScriptModule',
    'torch.fx.graph_module.reduce_graph_module',
    'torch.hub.load',
    'numpy.load',
    'numpy.testing._private.utils.runstring',
    'webbrowser.open',
    'pickle.loads',
    'types.FunctionType',
    'types.CodeType',
    'copyreg.__reduce_ex__',
    'builtins.list.__class__',
    'torch.storage.__builtins__',
    '__main__.Net',
  ];
  test.each(names)('%s', (path) => {
    const dot = path.lastIndexOf('.');
    const [module, name] = [path.slice(0, dot), path.slice(dot + 1)];
    const attempts = [
      ['c', `${module}\n${name}\n`, text('id'), [0x85], 'R.'],
      [[0x80, 4], text(module), text(name), [0x93], text('id'), [0x85], 'R.'],
      [[0x80, 4], text('builtins'), text(`${name}`), [0x93], text('id'), [0x85], 'R.'].slice(
        0,
        module === 'builtins' ? 7 : 0,
      ),
      ['(', text('id'), 'i', `${module}\n${name}\n`, '.'],
    ].filter((a) => a.length > 0) as Parameters<typeof bytesOf>[];
    for (const parts of attempts) {
      const made = load(...parts) as PyObject;
      expect(made).toBeInstanceOf(PyObject);
      expect(made).toMatchObject({ path, args: ['id'], state: null });
      // Nor does the file hold a network then.
      const error = failure(() => open(bytesOf([0x80, 4], ...parts)));
      expect([error.code, error.message]).toEqual(['bad-file', 'the file holds no network of this family']);
      expect(error.describe()).toContain(path);
    }
  });

  test('nor inside a nested torch file', () => {
    const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    const system = bytesOf([0x80, 2], '}', text('little_endian'), [0x88], 's.');
    const inner = bytesOf(
      [0x80, 2],
      magic,
      '.',
      [0x80, 2],
      'M',
      [0xe9, 3],
      '.',
      system,
      'cos\nsystem\n',
      text('id'),
      [0x85],
      'R.',
    );
    // What the nested file would have called is a placeholder in front of its list of storages, which is missing.
    const error = failure(() =>
      open(
        bytesOf(
          [0x80, 4],
          '}',
          text('ema'),
          'ctorch.storage\n_load_from_bytes\nC',
          [inner.length],
          inner,
          [0x85],
          'Rs.',
        ),
      ),
    );
    expect(error.code).toBe('bad-file');
  });

  test.each([
    ['a class is called', ['ctorch.nn.modules.linear\nLinear\n)R.']],
    [
      'a class with keyword arguments',
      ['ctorch.nn.modules.linear\nLinear\n)}', text('a'), 'Ns', [0x92], '.'],
    ],
    ['an instance of a class', ['ctorch\nFloatStorage\n)', [0x81], '.']],
    ['the result of a call is called', ['cbuiltins\ngetattr\nN', text('a'), [0x86], 'R)R.']],
    [
      'reconstructing an unlisted class',
      ['ccopyreg\n_reconstructor\ncbuiltins\nstr\ncbuiltins\nobject\nN', [0x87], 'R.'],
    ],
    ['another encoding', ['c_codecs\nencode\n', text('a'), text('rot13'), [0x86], 'R.']],
    ['items are set', ['cproject\nStateDict\n)R}', text('a'), 'Nsb(', text('k'), 'K', [1], 'u.']],
    ['attributes that are no dict', ['cfunctools\npartial\n)RK', [1], 'b.']],
  ] as [string, Parameters<typeof bytesOf>][])('%s: a placeholder', (_, parts) => {
    expect(load(...parts)).toBeInstanceOf(PyObject);
  });

  test('a placeholder keeps attributes and items as data', () => {
    const made = load('cproject\nState\n)R}', text('a'), 'K', [7], 'sb(', text('k'), 'K', [1], 'u.');
    expect(made).toMatchObject({ path: 'project.State', className: 'State' });
    expect((made as PyObject).state).toEqual(new Map([['a', 7]]));
    expect((made as PyObject).items).toEqual(new Map([['k', 1]]));
    const list = load('cproject\nList\n)R(K', [1], 'K', [2], 'e.');
    expect((list as PyObject).list).toEqual([1, 2]);
  });

  test.each([
    ['the extension registry', [[0x82, 1], '.']],
    ['a persistent id', ['Pfile\n.']],
    ['a persistent id of protocol 1', ['NQ.']],
    ['data outside of the file', [[0x97], '.']],
    ['a number is called', ['K', [1], ')R.']],
    ['an instance of a number', ['K', [1], ')', [0x81], '.']],
  ] as [string, Parameters<typeof bytesOf>][])('%s: refused', (_, parts) => {
    expect(failure(() => load(...parts)).code).toMatch(/refused|bad-file/);
  });
});

describe('hostile sizes end quickly', () => {
  const many = (n: number, ...parts: Parameters<typeof bytesOf>) => {
    const unit = bytesOf(...parts);
    const out = new Uint8Array(n * unit.length);
    for (let i = 0; i < n; i++) out.set(unit, i * unit.length);
    return out;
  };
  const join = (...parts: Uint8Array[]) => concat(parts);
  const end = bytesOf('.');
  test.each([
    ['nested tuples', join(bytesOf(')'), many(2_000_000, [0x85]), end)],
    ['nested lists', join(many(300_000, ']'), many(299_999, 'a'), end)],
    ['open marks', join(many(100_000, '('), end)],
    ['a high stack', join(many(2_000_000, 'N'), end)],
    ['duplicates', join(bytesOf(']'), many(2_000_000, '2'), end)],
    [
      'a memo bomb',
      join(bytesOf('N'), ...Array.from({ length: 120_000 }, (_, i) => bytesOf('r', u32(i * 7919), '2')), end),
    ],
    ['dicts', join(many(1_000_000, '}'), end)],
    ['no end', many(4_000_000, 'N0')],
    // [[..]] doubled 200 times: 2^200 leaves on 200 lists.
    ['shared lists', join(bytesOf([0x80, 4], ']'), many(200, ['2'.charCodeAt(0), 0x86]), end)],
    [
      'a list copied over and over',
      join(
        bytesOf(']('),
        many(5000, 'N'),
        bytesOf('e', [0x85, 0x94], '0cbuiltins\nlist\n', [0x94], '0'),
        many(100_000, 'h', [1], 'h', [0], 'R0'),
        end,
      ),
    ],
    ['a dict within itself', bytesOf([0x80, 4], '}', [0x94], text('ema'), 'h', [0], 's.')],
    ['a number of a gigabyte', bytesOf([0x8b], u32(1 << 30), new Uint8Array(100), '.')],
    ['a negative length', bytesOf([0x8b], u32(-5), '.')],
    ['a long decimal', join(bytesOf('L'), many(4000, '9'), bytesOf('L\n.'))],
    ['a line without end', join(bytesOf('V'), many(1_000_000, 'a'))],
    ['bytes of an exabyte', bytesOf([0x8e], u64(2 ** 60), '.')],
    ['text of 4 GB', bytesOf('X', u32(0xffffffff), 'abc.')],
    ['an endless string of texts', join(many(1100, 'X', u32(60000), new Uint8Array(60000)), end)],
    ['a frame of an exabyte', bytesOf([0x95], u64(2 ** 60), 'N.')],
    ['a huge memo index', bytesOf('Np99999999999999999999\n.')],
    ['an unknown memo index', bytesOf('j', u32(0xfffffff0), '.')],
    ['a protocol to come', bytesOf([0x80, 6], 'N.')],
  ])('%s', (_, bytes) => {
    outcome(() => unpickle(new ByteReader(bufferSource(bytes, 'test')), { names: KNOWN_NAMES }), 1500);
    // As a file it must say that it is a pickle, else the machine never sees it.
    failure(() => open(concat([bytesOf([0x80, 4]), bytes])));
  });

  test('modules that contain themselves, or each other a billion times', () => {
    const klass = 'ctorch.nn.modules.container\nModuleDict\n)\x81';
    const self = bytesOf([0x80, 4], klass, [0x94], '}', text('_modules'), '}', text('a'), 'h', [0], 'ssb.');
    failure(() => open(self));
    const leaf = bytesOf([0x80, 4], klass, '}', text('_modules'), '}sb', [0x94], '0');
    const level = (i: number) =>
      bytesOf(
        klass,
        '}',
        text('_modules'),
        '}(',
        text('a'),
        'h',
        [i],
        text('b'),
        'h',
        [i],
        'usb',
        [0x94],
        '0',
      );
    const tree = join(leaf, ...Array.from({ length: 30 }, (_, i) => level(i)), bytesOf('h', [30], '.'));
    failure(() => open(tree));
    // With a tensor at the end of every path nothing can be passed over.
    const tensors = join(
      bytesOf(
        [0x80, 4],
        '}',
        text('enc.8x8_conv.weight'),
        'cnumpy._core.numeric\n_frombuffer\n(C',
        [4],
        '\0\0\0\0',
      ),
      bytesOf(
        'cnumpy\ndtype\n',
        text('f4'),
        [0x89, 0x88, 0x87],
        'RK',
        [1],
        [0x85],
        text('C'),
        'tRs',
        [0x94],
        '0',
      ),
      ...Array.from({ length: 30 }, (_, i) =>
        bytesOf('}(', text('a'), 'h', [i], text('b'), 'h', [i], 'u', [0x94], '0'),
      ),
      bytesOf('h', [30], '.'),
    );
    expect(failure(() => open(tensors)).code).toBe('refused');
  });

  test('arguments that unfold without end are cut', () => {
    const doubled = join(bytesOf(']'), many(60, ['2'.charCodeAt(0), 0x86]));
    const kwargs = join(
      bytesOf([0x80, 4], '}(', text('_modules'), '}', text('_init_kwargs'), '}', text('x')),
      doubled,
      bytesOf('su'),
    );
    const object = join(
      bytesOf(
        [0x80, 4],
        'ctorch_utils.persistence\n_reconstruct_persistent_obj\n}(',
        text('class_name'),
        text('EDMPrecond'),
        text('state'),
      ),
      kwargs.subarray(2),
      bytesOf('u', [0x85], 'R.'),
    );
    expect(failure(() => open(object)).message).toMatch(/no network/);
  });
});

test('every opcode of protocols 0 to 5 belongs to one group', () => {
  const grouped = [FRAMING, MEMO, ATOMS, CONTAINERS, OBJECTS].flatMap((group) =>
    Object.keys(group).map(Number),
  );
  const all = Object.values(Op).filter((op) => op !== Op.STOP);
  expect(grouped.sort((a, b) => a - b)).toEqual(all.sort((a, b) => a - b));
});
