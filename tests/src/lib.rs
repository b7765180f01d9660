//! Tests over everything: tidy rules, golden answers, tours of real clients, power cuts.
