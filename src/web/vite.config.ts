import { defineConfig } from 'vite';

/*
 * The policy under which the built page runs.  The web server may send
 * the same as a header; here it holds even where the server sends none.
 * The development server needs inline styles, so it goes without.
 */
const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "manifest-src 'self'",
    "connect-src 'self' ws: wss:",
    "base-uri 'none'",
    "form-action 'none'",
].join('; ');

export default defineConfig({
    base: './',
    build: {
        target: 'es2022',
        emptyOutDir: true,
        assetsInlineLimit: 0,
        modulePreload: { polyfill: false },
        reportCompressedSize: false,
    },
    plugins: [
        {
            name: 'content-security-policy',
            apply: 'build',
            transformIndexHtml: () => [
                {
                    tag: 'meta',
                    attrs: {
                        'http-equiv': 'Content-Security-Policy',
                        content: policy,
                    },
                    injectTo: 'head-prepend',
                },
            ],
        },
    ],
});
