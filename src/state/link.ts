import type { Catalogue } from '../storage/catalogue';
import { currentModel, type Stores } from './app-state';
import { linkRemark } from './arrival';
import { missingLatents } from './generate/latents';
import { settledView, type ViewState } from './generate/view';
import type { ReadView } from './url';

const latentRemark = (key: string) =>
  `The link uses the latent “${key}”, which a link does not carry: drop its file on the page, and the image follows. The seed’s noise is shown meanwhile.`;

/** Settles the view of a link on a model that is here, and keeps it where its model is a file that is not open yet. */
export class Link {
  private awaited: ViewState | null = null;

  constructor(private readonly stores: Stores) {}

  /** Shows what can be shown of a link, and says what cannot. */
  settle(read: ReadView, catalogue: Catalogue): void {
    const { engine, view } = this.stores;
    const model = currentModel(this.stores);
    if (!model) return;
    this.awaited = read.view.model !== null && read.view.model !== model.key ? read.view : null;
    const missing = catalogue.models.find((m) => m.id === this.awaited?.model && m.kind !== 'shipped');
    const problems = [
      ...read.problems,
      ...missingLatents(this.stores.latents, view.getState()).map(latentRemark),
    ];
    engine.setState({
      remark: linkRemark({ ...read, problems }, model, catalogue),
      awaits: missing?.id ?? null,
    });
    view.setState(settledView(view.getState(), model));
  }

  /** Shows the link's view if it was the file of that key that it waited for. */
  follow(key: string): boolean {
    const { engine, view } = this.stores;
    if (this.awaited?.model !== key) return false;
    view.setState({ ...this.awaited, tab: view.getState().tab });
    engine.setState({ remark: null, awaits: null });
    this.awaited = null;
    return true;
  }
}
