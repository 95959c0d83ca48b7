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
    people: 'M9 11.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7'
        + 'M2.500 19.500c.6-3.400 3.200-5.200 6.500-5.200s5.900 1.800 6.500 5.200'
        + 'M16 5a3.300 3.300 0 0 1 0 6.300M18 14.600c1.900.7 3.100 2.300 3.500 4.900',
    close: 'M6.500 6.500l11 11M17.500 6.500l-11 11',
    send: 'M4.500 12h14M12.500 5.500l6.500 6.500-6.500 6.500',
    leave: 'M10 4.500H6.500a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2H10'
        + 'M14.500 8l4 4-4 4M18.500 12h-9',
    down: 'M12 5v14M6 13l6 6 6-6',
    plus: 'M12 5v14M5 12h14',
    server: 'M4.500 5h15v5.500h-15zM4.500 13.500h15V19h-15z'
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
