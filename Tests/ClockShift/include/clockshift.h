#ifndef CLOCKSHIFT_H
#define CLOCKSHIFT_H
/* Preloaded into a node by a test: its date is CLOCK_SHIFT_SECONDS off, every other clock is right. */
#endif
