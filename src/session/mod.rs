//! One client connection: start-up, request side, response side, pipeline.
