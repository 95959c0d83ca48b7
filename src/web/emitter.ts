/*
 * Typed events.  A listener that throws harms no other listener.
 */

export type Listener<T> = (value: T) => void;

export class Emitter<Events extends object> {
    private listeners = new Map<keyof Events, Set<Listener<never>>>();

    /* The function that is returned takes the listener away again. */
    on<K extends keyof Events>(
        name: K,
        listener: Listener<Events[K]>,
    ): () => void {
        let set = this.listeners.get(name);

        if (set === undefined) {
            set = new Set();
            this.listeners.set(name, set);
        }

        set.add(listener as Listener<never>);

        return () => set.delete(listener as Listener<never>);
    }

    protected emit<K extends keyof Events>(name: K, value: Events[K]): void {
        for (const listener of [...(this.listeners.get(name) ?? [])]) {
            try {
                (listener as Listener<Events[K]>)(value);
            } catch (error) {
                console.error(error);
            }
        }
    }
}
