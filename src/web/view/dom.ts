/*
 * Making elements.  Text becomes text nodes only: nothing in this page
 * is ever parsed as HTML.
 */

export type Child = Node | string | null;

type Attributes = Record<string, string | number | boolean | null>;

export function el<K extends keyof HTMLElementTagNameMap>(
    tag: K,
    attributes: Attributes = {},
    ...children: Child[]
): HTMLElementTagNameMap[K] {
    const element = document.createElement(tag);

    for (const [name, value] of Object.entries(attributes)) {
        if (value === true) {
            element.setAttribute(name, '');
        } else if (value !== false && value !== null) {
            element.setAttribute(name, String(value));
        }
    }

    element.append(...children.filter((c): c is Node | string => c !== null));

    return element;
}

const SVG = 'http://www.w3.org/2000/svg';

const PATHS = {
    menu: 'M4 7h16M4 12h16M4 17h10',
    people: 'M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7'
        + 'M2.5 19.5c.6-3.4 3.2-5.2 6.5-5.2s5.9 1.8 '
        + '6.5 5.2M16 5a3.3 3.3 0 0 1 0 6.3'
        + 'M18 14.6c1.9.7 3.1 2.3 3.5 4.9',
    close: 'M6.5 6.5l11 11M17.5 6.5l-11 11',
    send: 'M4.5 12h14M12.5 5.5l6.5 6.5-6.5 6.5',
    leave: 'M10 4.5H6.5a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2H10'
        + 'M14.5 8l4 4-4 4M18.5 12h-9',
    down: 'M12 5v14M6 13l6 6 6-6',
    plus: 'M12 5v14M5 12h14',
    server: 'M4.5 5h15v5.5h-15zM4.5 13.5h15V19h-15z'
        + 'M8 7.750h.01M8 16.250h.01',
};

export function icon(name: keyof typeof PATHS): SVGSVGElement {
    const svg = document.createElementNS(SVG, 'svg');
    const path = document.createElementNS(SVG, 'path');

    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('class', 'icon');
    svg.setAttribute('aria-hidden', 'true');
    path.setAttribute('d', PATHS[name]);
    svg.append(path);

    return svg;
}

export function button(
    label: string,
    attributes: Attributes,
    press: () => void,
    ...children: Child[]
): HTMLButtonElement {
    const element = el(
        'button',
        { type: 'button', 'aria-label': label, title: label, ...attributes },
        ...children,
    );

    element.addEventListener('click', press);

    return element;
}

/* Many calls, one run: soon, and also where the page is not in sight. */
export function coalesce(run: () => void): () => void {
    let waiting = false;

    return () => {
        if (!waiting) {
            waiting = true;
            setTimeout(() => {
                waiting = false;
                run();
            }, 16);
        }
    };
}

/*
 * Other children, but the focus stays where it was: on the one with the
 * same key.
 */
export function replaceKeyed(parent: HTMLElement, ...children: Node[]): void {
    const focused = document.activeElement;
    const key = focused instanceof HTMLElement && parent.contains(focused)
        ? focused.dataset.key
        : undefined;

    parent.replaceChildren(...children);

    if (key !== undefined) {
        [...parent.querySelectorAll<HTMLElement>('[data-key]')].find(
            (element) => element.dataset.key === key,
        )?.focus();
    }
}
