/* tests/text/everything.h - a template that goes through every part of the language, and its
 * variables. */
#pragma once

static const char everything[] =
    "{% macro m(a, b=[1, 2]) %}{{ a }}{{ caller() if caller }}{{ kwargs }}{{ varargs }}{% endmacro %}"
    "{% set ns = namespace(t='') %}{% for x in l | map('upper') if x %}{% set ns.t = ns.t + x %}"
    "{{ loop.length }}{% endfor %}{% call m(u, z=1) %}{{ ns.t }}{% endcall %}"
    "{% set s | trim %} {{ u }} {% endset %}{{ s | tojson }}{{ {'k': l, 2: u} | tojson(indent=1) }}"
    "{{ l | sort | join(', ') }}{{ u.split('|') }}{{ '%s' % u }}{{ '{}'.format(u) }}"
    "{{ l | batch(2) | list }}{{ d | dictsort }}{{ u[::-1] }}{{ u | replace('x', 'y') }}"
    "{{ 7 ** 99 // 3 ** 50 % 10 ** 30 }}{{ '%x' % 2 ** 90 }}{{ 2 ** 80 / 3 }}{{ ([u, l, d] * 9) | pprint }}"
    "{{ (u * 9) | wordwrap(5) | urlize | striptags }}{{ [7] | random }}{{ u.translate({97: 'y'}) }}"
    "{% generation %}{{ u }}{% endgeneration %}{{ strftime_now('%c') }}{{ users | groupby('a') }}";
static const char everything_needs[] =
    "{\"u\": \"a<|x|>b\\n\", \"l\": [\"p\", \"q\", \"r\"], \"d\": {\"b\": 1, \"a\": 2},"
    "\"users\": [{\"a\": 1}, {\"a\": 2}, {\"a\": 1}]}";
