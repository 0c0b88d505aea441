//! Rings on the runtime thread, and a pread twin for machines without io_uring or O_DIRECT.
