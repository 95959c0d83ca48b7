/*
 * One WebSocket, for as long as somebody listens to it.
 */

/* The part of a WebSocket that is used, so that a test can bring its own. */
export interface Socket {
    onopen: ((event: never) => void) | null;
    onmessage: ((event: { data: unknown } & never) => void) | null;
    onclose: ((event: { code: number; reason: string } & never) => void)
        | null;
    send(data: string): void;
    close(code?: number, reason?: string): void;
}

export interface Listening {
    up(): void;
    message(data: unknown): void;
    ended(code: number, reason: string): void;
}

export class Wire {
    /* The server has taken it. */
    isUp = false;

    constructor(private readonly socket: Socket, listening: Listening) {
        socket.onopen = () => {
            this.isUp = true;
            listening.up();
        };
        socket.onmessage = (event: { data: unknown }) => {
            listening.message(event.data);
        };
        socket.onclose = (event: { code: number; reason: string }) => {
            this.release();
            listening.ended(event.code, event.reason);
        };
    }

    send(text: string): void {
        this.socket.send(text);
    }

    /* Whatever still comes of it comes to nothing. */
    release(): void {
        this.socket.onopen = null;
        this.socket.onmessage = null;
        this.socket.onclose = null;
    }

    close(code = 1000, reason = ''): void {
        this.release();

        try {
            this.socket.close(code, reason);
        } catch {
            /* not a code that a page may use */
            this.socket.close();
        }
    }
}
