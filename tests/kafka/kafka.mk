.PHONY: test-kafka

test-kafka: $(VENV)/.dev  ## the Kafka tests against Apache Kafka itself, fetched with Maven
	@tests/kafka/need_java.sh
	@TEST_KAFKA=real $(BIN)/pytest -q -m kafka tests
