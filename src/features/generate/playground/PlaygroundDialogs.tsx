import { useStore } from 'zustand';
import { useApp } from '../../../state/react';
import { CodeDialog } from './CodeDialog';
import { ManyDialog } from './ManyDialog';
import { NewPathDialog } from './NewPathDialog';
import { PathFileDialog } from './PathFileDialog';

/** The dialog that a person has asked for. */
export default function PlaygroundDialogs() {
  const { stores } = useApp();
  const asked = useStore(stores.asked, (s) => s.asked);
  const onClose = () => stores.asked.setState({ asked: null });
  switch (asked) {
    case null:
      return null;
    case 'many':
      return <ManyDialog onClose={onClose} />;
    case 'code':
      return <CodeDialog onClose={onClose} />;
    case 'path':
      return <NewPathDialog onClose={onClose} />;
    default:
      return <PathFileDialog kind={asked} onClose={onClose} />;
  }
}
