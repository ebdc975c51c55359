import { PlainPanel } from '../../ui/PlainPanel';

export function DistilView() {
  return (
    <PlainPanel title="Distil">
      <p>
        This tab will turn a diffusion teacher into a one-step generator on your own GPU, with the images it
        makes beside the losses. It is not in this version yet, nor is the command line’s{' '}
        <code>innate distil</code>.
      </p>
    </PlainPanel>
  );
}
