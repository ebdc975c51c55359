import { useModel } from '../../state/react';
import { PlainPanel } from '../../ui/PlainPanel';

export function LayersView() {
  const model = useModel();
  const id = model?.ref.kind === 'catalogue' ? model.key : 'MODEL';
  return (
    <PlainPanel title="Layers">
      <p>
        This tab will show how active each block of the network is at every noise level, student and teacher
        beside each other. Today the command line measures it and writes the numbers to a file:
      </p>
      <pre>
        <code>{`npx innate inspect ${id} --sigmas 80,10,1,0.1 --seeds 0-7 --out activations.json`}</code>
      </pre>
    </PlainPanel>
  );
}
