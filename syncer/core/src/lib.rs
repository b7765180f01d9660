//! What an ExternalSecret asks for and which Secret follows from it, pure.
