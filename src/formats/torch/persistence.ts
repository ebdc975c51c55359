import { type Behaviour, dictItems, PersistentObject, PyObject } from '../pickle/values';

/**
 * _reconstruct_persistent_obj(meta) of torch_utils/persistence.py, which StyleGAN, EDM and their descendants
 * pickle their classes by: class name and attributes. The source code it carries is ignored.
 */
export const RECONSTRUCT: Behaviour = {
  call: (args) => {
    const meta = dictItems(args[0]);
    const className = meta?.get('class_name');
    const state = dictItems(meta?.get('state'));
    if (typeof className !== 'string' || !state) return new PyObject('_reconstruct_persistent_obj', args);
    return new PersistentObject(className.slice(0, 128), state);
  },
};

/** Whether a name is that function: many projects keep a copy of the module in a folder of their own. */
export const isReconstruct = (module: string, name: string): boolean =>
  name === '_reconstruct_persistent_obj' && /(^|\.)persistence$/.test(module);
